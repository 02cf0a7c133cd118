// The two nginx that are compared with. One serves the upstream's own files by sendfile: the limit for
// hits. It knows nothing of registries; paths are mapped onto files. The other is a caching proxy.
import type { Certificate } from '../support/certificates.ts'
import type { TempFolder } from '../support/temp-folder.ts'

const WORKERS = 2
const LOCK_SECONDS = 600

export interface NginxPlace {
  readonly port: number
  readonly temp: TempFolder
  readonly certificate?: Certificate | undefined
}

// What a registry keeps in `folder`; tags are files below `tags/` in the temporary folder.
export function filesConfig(place: NginxPlace, folder: string, mediaType: string): string {
  const file = `${folder}/docker/registry/v2/blobs/sha256/$1/$1$2/data`
  return nginxConfig(
    place,
    `
        location ~ "^/v2/.+/blobs/sha256:(..)(.{62})$" {
          default_type application/octet-stream;
          alias ${file};
        }
        location ~ "^/v2/.+/manifests/sha256:(..)(.{62})$" {
          default_type ${mediaType};
          alias ${file};
        }
        location ~ "^/v2/(.+)/manifests/(.+)$" {
          default_type ${mediaType};
          alias ${place.temp.join('tags')}/$1/$2;
        }`,
  )
}

// One request upstream at a time for the same thing: whoever asks meanwhile waits for all of it.
export function cacheConfig(place: NginxPlace, upstream: string): string {
  return nginxConfig(
    place,
    `
        location / {
          proxy_pass ${upstream};
          proxy_http_version 1.1;
          proxy_set_header Connection "";
          proxy_cache bench;
          proxy_cache_valid 200 1d;
          proxy_cache_lock on;
          proxy_cache_lock_age ${LOCK_SECONDS}s;
          proxy_cache_lock_timeout ${LOCK_SECONDS}s;
        }`,
    `proxy_cache_path ${place.temp.join('cache')} keys_zone=bench:1m use_temp_path=off;`,
  )
}

function nginxConfig({ port, temp, certificate }: NginxPlace, server: string, http = ''): string {
  // Run by root, it would give its workers to a user who may not look into a temporary folder.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const tls = certificate && [
    `ssl_certificate ${certificate.certificateFile};`,
    `ssl_certificate_key ${certificate.keyFile};`,
    'ssl_protocols TLSv1.3;',
  ]
  return `
    ${user}
    daemon off;
    worker_processes ${WORKERS};
    pid ${temp.join('nginx.pid')};
    error_log stderr warn;
    events { worker_connections 1024; }
    http {
      access_log off;
      sendfile on;
      tcp_nopush on;
      keepalive_requests 1000000000;
      client_body_temp_path ${temp.join('body')};
      proxy_temp_path ${temp.join('proxy')};
      fastcgi_temp_path ${temp.join('fastcgi')};
      ${http}
      server {
        listen 127.0.0.1:${port} ${tls ? 'ssl ' : ''}backlog=2048;
        ${tls?.join('\n        ') ?? ''}
        ${server}
      }
    }
  `
}
