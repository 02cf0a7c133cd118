// `node link-process.ts URL BYTES_PER_SECOND [each]`: a shaped link in its own process, so that neither
// it nor the measurer waits for the other's event loop. `each`: every connection is as fast. Prints its
// own URL.
import { FaultyLink } from '../support/faulty-link.ts'

const [target, rate, each] = process.argv.slice(2)
if (target === undefined) throw new Error('a URL is needed')
const link = await FaultyLink.start(target, {
  bytesPerSecond: Number(rate),
  isEachAsFast: each === 'each',
})
console.log(link.url)
