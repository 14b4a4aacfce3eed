// Preloaded into a server process: each SIGUSR2 blocks its event loop for the next of the times in TEST_BLOCKS_MS. The
// process is not stopped: its sockets take what comes, and its timers fall due, while nobody looks at either.
const blocksMs = (process.env.TEST_BLOCKS_MS ?? '').split(',').map(Number)
process.on('SIGUSR2', () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blocksMs.shift())
})
