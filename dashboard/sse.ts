export interface ServerEvent {
  readonly name: string
  readonly data: string
}

/** Beyond this an event is no snapshot of ours, and the stream is given up instead of filling memory. */
const MAX_EVENT_LENGTH = 4 * 1024 * 1024

/**
 * The events of a `text/event-stream` body, until it ends. An EventSource could not send the token, so the stream is
 * read by fetch and taken apart here: lines end in LF or CRLF, a blank line ends an event, comments are skipped.
 */
export async function* serverEvents(body: ReadableStream<BufferSource>): AsyncGenerator<ServerEvent> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  let name = 'message'
  let data: string[] = []
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const lines = (rest + value).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > MAX_EVENT_LENGTH) throw new Error('an event of this stream has no end')
      for (const line of lines.map((each) => each.replace(/\r$/, ''))) {
        if (line === '') {
          if (data.length > 0) yield { name, data: data.join('\n') }
          name = 'message'
          data = []
        } else if (line.startsWith('event:')) {
          name = line.slice(6).trim()
        } else if (line.startsWith('data:')) {
          data.push(line.slice(5).replace(/^ /, ''))
        }
      }
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
