// For how long a pull of what is held has to wait while something else goes on: one manifest after
// another, each as soon as the one before is answered.
export class HitsMeanwhile {
  #isOver = false
  #longestMs = 0
  readonly #done: Promise<void>

  constructor(urls: readonly string[]) {
    this.#done = this.#ask(urls)
  }

  // Gives the longest that one of them took, in milliseconds.
  async stop(): Promise<number> {
    this.#isOver = true
    await this.#done
    return this.#longestMs
  }

  async #ask(urls: readonly string[]): Promise<void> {
    while (!this.#isOver) {
      for (const url of urls) {
        if (this.#isOver) return
        const started = performance.now()
        await getManifest(url)
        this.#longestMs = Math.max(this.#longestMs, performance.now() - started)
      }
    }
  }
}

export async function getManifest(url: string): Promise<void> {
  const response = await fetch(url)
  await response.arrayBuffer()
  if (response.status !== 200) throw new Error(`${url}: status ${response.status}`)
}
