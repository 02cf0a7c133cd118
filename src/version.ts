// The one place that knows what this program is called and which version it is.
import manifest from '../package.json' with { type: 'json' }

export const programName: string = manifest.name
export const version: string = manifest.version
