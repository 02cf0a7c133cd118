// The seed of all random tests of a run; test/run.ts prints it.
export const seed = Number(process.env['REGMIRROR_SEED'] ?? 1)

// How many runs a random test makes: its own number, times REGMIRROR_CAMPAIGN for a long search.
export function campaign(usual: number): number {
  return usual * Number(process.env['REGMIRROR_CAMPAIGN'] ?? 1)
}
