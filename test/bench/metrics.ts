// What is measured, how it is written, and which way is better.
export interface Metric {
  readonly title: string
  readonly better: 'more' | 'less'
  readonly digits: number
}

export const METRICS = {
  rate: { title: 'MB/s', better: 'more', digits: 0 },
  cpuPerGB: { title: 'CPU s/GB', better: 'less', digits: 2 },
  peak: { title: 'peak MiB', better: 'less', digits: 0 },
  answers: { title: 'answers/s', better: 'more', digits: 0 },
  cpuPerAnswer: { title: 'CPU us/answer', better: 'less', digits: 0 },
  firstByte: { title: 'first byte ms', better: 'less', digits: 1 },
  perName: { title: 'us/name', better: 'less', digits: 2 },
  start: { title: 'ms', better: 'less', digits: 0 },
  total: { title: 'total s', better: 'less', digits: 2 },
  stored: { title: 'stored s', better: 'less', digits: 2 },
  ofAlone: { title: 'of alone', better: 'more', digits: 2 },
  longestPause: { title: 'longest pause ms', better: 'less', digits: 0 },
  cpu: { title: 'CPU s', better: 'less', digits: 2 },
  resident: { title: 'MiB', better: 'less', digits: 1 },
  perConnection: { title: 'KiB/connection', better: 'less', digits: 1 },
  size: { title: 'MB', better: 'less', digits: 1 },
  requests: { title: 'upstream requests', better: 'less', digits: 0 },
  upstreamGets: { title: 'upstream GETs', better: 'less', digits: 0 },
  upstreamBlobs: { title: 'upstream bytes/blob', better: 'less', digits: 2 },
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof METRICS
export type Sample = Partial<Readonly<Record<MetricName, number>>>
