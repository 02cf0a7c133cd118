// A login in a file of its own, as secrets are mounted into containers: its first line is USER:PASSWORD.

import { LoginError } from '../errors.ts'
import type { Credentials, Login } from '../upstream/login.ts'
import { loginOf, splitLogin } from './read-login.ts'
import { WatchedFile } from './watched-file.ts'

export function loginFile(path: string): Credentials {
  const file = new WatchedFile(path, (text) => parseLoginLine(text, path))
  return {
    mayExist: true,
    async login(_repository, refused) {
      if (refused) file.forget()
      const login = file.read()
      if (!login) throw new LoginError(`${path} is not there`)
      return { login, origin: path }
    },
  }
}

export function parseLoginLine(text: string, path: string): Login {
  const [line = ''] = text.replace(/^\uFEFF/, '').split(/\r?\n/, 1)
  const login = splitLogin(line)
  if (!login) throw new LoginError(`${path} does not begin with a line USER:PASSWORD`)
  return loginOf(login.username, login.password, path)
}
