// What a server of ours was asked and how each answer went, kept for tests that count.

export type AnswerEnd = 'open' | 'complete' | 'client left' | 'cut' | 'stalled'

export interface LoggedRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly range: string | undefined
  status: number
  bytes: number // of body, handed to the kernel
  end: AnswerEnd
}

export interface RequestFilter {
  readonly method?: string
  readonly path?: RegExp | string // a string: somewhere in the URL
}

export class RequestLog {
  readonly all: LoggedRequest[] = []

  add(request: Pick<LoggedRequest, 'method' | 'url' | 'headers'>): LoggedRequest {
    const { method, url, headers } = request
    const range = typeof headers['range'] === 'string' ? headers['range'] : undefined
    const entry: LoggedRequest = { method, url, headers, range, status: 0, bytes: 0, end: 'open' }
    this.all.push(entry)
    return entry
  }

  find({ method, path }: RequestFilter = {}): LoggedRequest[] {
    return this.all.filter(
      (request) =>
        (method === undefined || request.method === method) &&
        (path === undefined ||
          (typeof path === 'string' ? request.url.includes(path) : path.test(request.url))),
    )
  }

  clear(): void {
    this.all.length = 0
  }
}
