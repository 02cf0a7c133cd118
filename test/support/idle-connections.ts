// Connections that were used once each and are kept for the next request.
import { once } from 'node:events'
import http from 'node:http'

export class IdleConnections implements AsyncDisposable {
  readonly #agent = new http.Agent({ keepAlive: true, maxFreeSockets: Infinity })

  static async open(url: string, count: number): Promise<IdleConnections> {
    const connections = new IdleConnections()
    const ask = async () => {
      const request = http.get(`${url}/v2/`, { agent: connections.#agent })
      const [response] = (await once(request, 'response')) as [http.IncomingMessage]
      response.resume()
      await once(response, 'end')
    }
    // All at once: none is free for another to use before all are connected.
    await Promise.all(Array.from({ length: count }, ask))
    return connections
  }

  get stillOpen(): number {
    return Object.values(this.#agent.freeSockets).flat().length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy()
  }
}
