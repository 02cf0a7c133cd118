import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseList } from '../../../src/list/parse-list.ts'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`

const instead = (line: string): string | undefined => {
  const [problem] = parseList({ name: 'mirror.txt', text: line }).problems
  assert.ok(problem, `${line} is understood`)
  return problem.instead
}

suite('the line that was meant is told, with its options and its comment', () => {
  const meant: readonly (readonly [string, string])[] = [
    // Addresses.
    ['https://hub.docker.com/_/nginx', 'nginx'],
    ['https://hub.docker.com/r/grafana/loki/tags?name=2 optional # x', 'grafana/loki optional # x'],
    ['hub.docker.com/r/library/redis', 'redis'],
    ['hub.docker.com/layers/library/nginx/1.25/images/sha256-00', 'nginx:1.25'],
    ['hub.docker.com/repository/docker/org/app/general', 'org/app'],
    ['https://hub.docker.com/v2/repositories/library/nginx/tags/', 'nginx'],
    ['https://registry.hub.docker.com/r/org/app', 'org/app'],
    [
      'https://registry-1.docker.io/v2/library/tomcat/manifests/latest',
      'docker.io/library/tomcat:latest',
    ],
    [`https://ghcr.io/v2/org/app/manifests/${DIGEST}`, `ghcr.io/org/app@${DIGEST}`],
    ['http://10.0.0.5:5000/v2/team/app/tags/list?n=9', '10.0.0.5:5000/team/app'],
    ['https://quay.io/repository/org/app?tab=tags', 'quay.io/org/app'],
    ['https://github.com/Org/repo/pkgs/container/repo%2Fapp', 'ghcr.io/org/repo/app'],
    ['https://github.com/orgs/Org/packages/container/package/app', 'ghcr.io/org/app'],
    ['https://gallery.ecr.aws/docker/library/nginx', 'public.ecr.aws/docker/library/nginx'],
    ['http://10.0.0.5:5000/app:1', '10.0.0.5:5000/app:1'],
    ['oci://ghcr.io/org/app', 'ghcr.io/org/app'],
    // Commands and parts of other files.
    ['docker pull nginx:1.25  # web', 'nginx:1.25  # web'],
    ['sudo docker pull Nginx', 'nginx'],
    ['podman pull ghcr.io/org/app', 'ghcr.io/org/app'],
    ['docker image pull https://hub.docker.com/_/nginx', 'nginx'],
    ['FROM --platform=$BUILDPLATFORM golang:1.24 AS build', 'golang:1.24'],
    ['FROM nginx', 'nginx'],
    ['  image: "nginx:1.25"  # web', '  nginx:1.25  # web'],
    ['- image: nginx:1.25', 'nginx:1.25'],
    ['"image": "nginx:1.25",', 'nginx:1.25'],
    ['- nginx', 'nginx'],
    ["'nginx:1.25'", 'nginx:1.25'],
    ['// office', '# office'],
    ['; office', '# office'],
    ['-- office', '# office'],
    ['docker 27', 'docker:27'],
    // Slips.
    ['docker.io/library/adminer^(4|5)$ newest=2', 'docker.io/library/adminer:^(4|5)$ newest=2'],
    ['GHCR.io/Org/App:V1 optional', 'GHCR.io/org/app:V1 optional'],
    ['nginx : 1.25', 'nginx:1.25'],
    ['nginx 1.25 optional', 'nginx:1.25 optional'],
    ['nginx:1.24, 1.25', 'nginx:1.24,1.25'],
    ['nginx:1,,2,', 'nginx:1,2'],
    ['nginx:,1', 'nginx:1'],
    ['nginx:', 'nginx'],
    ['nginx:latest:latest', 'nginx:latest'],
    ['nginx:1#why', 'nginx:1 #why'],
    [`nginx @${DIGEST}`, `nginx@${DIGEST}`],
    [`nginx:${DIGEST}`, `nginx@${DIGEST}`],
    [`nginx@${DIGEST.toUpperCase()}`, `nginx@${DIGEST}`],
    ['nginx\u00A0optional', 'nginx optional'],
    ['ngi\u200Bnx', 'nginx'],
    ['ghcr.io/org//app/', 'ghcr.io/org/app'],
    ['/org\\app', 'org/app'],
    ['nginx platform=linux/amd64 Optional', 'nginx platforms=linux/amd64 optional'],
    ['nginx optional=true', 'nginx optional'],
    ['nginx bare=Latest', 'nginx bare=latest'],
    ['nginx variant=-alpine', 'nginx variant=alpine'],
    ['nginx referrers=true', 'nginx referrers=yes'],
    ['! nginx', '!nginx'],
    ['@Default keep=pin', '@defaults keep=pin'],
    ['@exclude "*-rc*"', '@exclude *-rc*'],
  ]
  for (const [line, expected] of meant) {
    test(JSON.stringify(line), () => {
      assert.equal(instead(line), expected)
      assert.deepEqual(parseList({ name: 'mirror.txt', text: expected }).problems, [])
    })
  }
})

suite('where it is not clear what was meant, nothing is offered', () => {
  const unclear = [
    ':^1.2',
    'nginx:1:2',
    'nginx redis:7',
    'docker run -it nginx sh',
    'docker pull --platform linux/arm64 nginx',
    'skopeo copy docker://nginx dir:/tmp',
    'hub.docker.com/u/org',
    `https://ghcr.io/v2/org/app/blobs/${DIGEST}`,
    'https://robot:hunter2@ghcr.io/Org/app',
    'ghcr.io/org/',
    '--platform linux/arm64 nginx',
    '<!-- office -->',
    'nginx newst=2',
    'nginx newest=0',
    'Nginx newest=0',
    'ngi\u0000nx',
    'hello world',
    'x'.repeat(9000),
  ]
  for (const line of unclear) {
    test(JSON.stringify(line.slice(0, 60)), () => assert.equal(instead(line), undefined))
  }
})
