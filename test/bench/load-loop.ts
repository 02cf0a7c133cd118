// `node load-loop.ts URLS.json CONNECTIONS SECONDS ACCEPT`: asks as fast as it can where wrk is not
// installed. In its own process; costs far more CPU than wrk, so the figures are lower.
import { readFileSync } from 'node:fs'
import { Agent, request } from 'undici'

const [list = '', connections, seconds, accept] = process.argv.slice(2)
const urls = JSON.parse(readFileSync(list, 'utf8')) as readonly string[]
const dispatcher = new Agent({ connections: Number(connections), pipelining: 1 })
const headers = { accept: accept ?? '*/*' }
const started = performance.now()
const deadline = started + Number(seconds) * 1000
let answers = 0
let failures = 0
let longestMs = 0

async function askUntilDeadline(): Promise<void> {
  while (performance.now() < deadline) {
    const asked = performance.now()
    const url = urls[answers % urls.length] ?? ''
    const { statusCode, body } = await request(url, { dispatcher, headers })
    await body.dump()
    longestMs = Math.max(longestMs, performance.now() - asked)
    answers += 1
    if (statusCode !== 200) failures += 1
  }
}

await Promise.all(Array.from({ length: Number(connections) }, askUntilDeadline))
const perSecond = (answers * 1000) / (performance.now() - started)
await dispatcher.close()
console.log(JSON.stringify({ perSecond, answers, failures, longestMs }))
