// A client in a process of its own (see probe.ts), so that what it measures is not how busy the test is: asks every
// node again and again for an admission, never waits for one answer before it asks the next, and prints one line an
// answer: when it asked (ms since 1970), which node, how long it took (ms), and what it was told.
import { connect } from 'node:net'

const [path, key, everyMs, ...ports] = process.argv.slice(2)
const REQUEST = [
  `GET ${path} HTTP/1.1`,
  ...['Host: localhost', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'],
  ...['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', `api-key: ${key}`, '', ''],
].join('\r\n')
const MAX_OUTSTANDING = 500
const GIVE_UP_MS = 10_000
let outstanding = 0
let turn = 0

function ask(node) {
  if (outstanding >= MAX_OUTSTANDING) return
  outstanding++
  const askedAtMs = Date.now()
  const startMs = performance.now()
  let received = ''
  let told = false
  const tell = (what) => {
    if (told) return
    told = true
    outstanding--
    clearTimeout(timer)
    console.log(`${askedAtMs} ${node} ${(performance.now() - startMs).toFixed(1)} ${what}`)
    socket.destroy()
  }
  const timer = setTimeout(() => tell('nothing'), GIVE_UP_MS)
  const socket = connect({ port: Number(ports[node]), host: '127.0.0.1', noDelay: true })
  socket.on('error', (error) => tell(error.code ?? 'error'))
  socket.on('close', () => tell('closed'))
  socket.write(REQUEST)
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1')
    if (received.startsWith('HTTP/1.1 101')) tell('101')
    const code = /"code":"([A-Z_]+)"/.exec(received)
    if (code) tell(code[1])
  })
}

setInterval(() => ask(turn++ % ports.length), Number(everyMs))
