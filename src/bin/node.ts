// The program as Node runs it, from source and packaged.

import { main } from '../cli/main.ts'

/** Each body being read and each file being written takes a thread for as long as the disk does. */
const IO_THREADS = '8'

// Read when the first of them is needed, so it has to be said before anything else happens.
process.env['UV_THREADPOOL_SIZE'] ??= IO_THREADS

void main(process.argv)
