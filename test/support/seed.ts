// The seed of all random tests of a run; test/run.ts prints it.
export const seed = Number(process.env['REGMIRROR_SEED'] ?? 1)
