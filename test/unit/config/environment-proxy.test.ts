// http_proxy and its kin.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { effectiveAsJson } from '../../../src/config/effective.ts'
import { load, problemsOf } from './loading.ts'

function proxies(env: Readonly<Record<string, string>>) {
  const { http, https, noProxy } = load({ env }).config.environmentProxy
  return [http?.href, https?.href, noProxy]
}

suite('the proxies of the environment', () => {
  const rows: readonly [Readonly<Record<string, string>>, unknown][] = [
    [{}, [undefined, undefined, '']],
    [{ http_proxy: 'http://a:1' }, ['http://a:1/', undefined, '']],
    [{ HTTPS_PROXY: 'https://a:1', NO_PROXY: '*' }, [undefined, 'https://a:1/', '*']],
    [{ http_proxy: 'http://a', HTTP_PROXY: 'http://b' }, ['http://a/', undefined, '']],
    [{ http_proxy: '', HTTP_PROXY: 'http://b' }, ['http://b/', undefined, '']],
    [{ no_proxy: ' .lan,10.0.0.0/8 ', NO_PROXY: 'x' }, [undefined, undefined, '.lan,10.0.0.0/8']],
    [{ all_proxy: 'socks5h://a:1' }, ['socks5://a:1', 'socks5://a:1', '']],
    [{ ALL_PROXY: 'http://a', https_proxy: 'http://b' }, ['http://a/', 'http://b/', '']],
    [{ http_proxy: 'a:3128' }, ['http://a:3128/', undefined, '']],
    [{ http_proxy: 'u:p@a:3128' }, ['http://u:p@a:3128/', undefined, '']],
  ]
  for (const [env, expected] of rows) {
    test(JSON.stringify(env), () => assert.deepEqual(proxies(env), expected))
  }

  test('a bad one is a problem that names the variable, once', () => {
    assert.deepEqual(problemsOf({ env: { ALL_PROXY: 'socks://a' } }), [
      'ALL_PROXY: "socks://" is no kind of proxy that regmirror knows: write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT',
    ])
    const [problem = ''] = problemsOf({ env: { https_proxy: 'a b' } })
    assert.match(problem, /^https_proxy: is not a proxy’s URL/)
  })

  test('one that nothing needs may be anything', () => {
    const env = { http_proxy: 'http://a', https_proxy: 'http://b', ALL_PROXY: 'socks://c' }
    assert.deepEqual(proxies(env), ['http://a/', 'http://b/', ''])
  })

  test('is printed with its variable', () => {
    const json = effectiveAsJson(load({ env: { HTTP_PROXY: 'http://a:1', no_proxy: '.lan' } }))
    assert.deepEqual((json as Record<string, unknown>)['environment-proxy'], {
      http: { value: 'http://a:1', origin: 'HTTP_PROXY' },
      'no-proxy': { value: '.lan', origin: 'no_proxy' },
    })
  })
})
