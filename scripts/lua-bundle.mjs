// Hot verbs first: the dispatch is a chain of comparisons.
const verbs = [
  ...['acquire', 'release', 'renew', 'sweep', 'reassert', 'hello', 'leave', 'audit', 'inspect'],
  ...['override', 'learn', 'restore', 'order', 'confirm', 'takeover', 'drain', 'probe'],
]

/** Comments stay in lua/: Redis keeps the text of every script in memory and hashes it at load. */
const strip = (text) => text.replace(/^[ \t]*--(?! @include).*\n/gm, '').replace(/[ \t]+-- (?!@include).*$/gm, '')

/** The one script of all verbs; `read` gives the text of a file below lua/ by its name without `.lua`. */
export function bundleLua(read) {
  const source = (name) =>
    strip(read(name)).replace(/^\s*-- @include (\S+)\n/gm, (_, include) => source(`include/${include}`))
  const blocks = verbs.map((verb) => `if verb == '${verb}' then\n${source(verb).trimEnd()}\nend`)
  // A global is looked up by its name each time, a local is not: some 3 % of a batch.
  const locals = 'local redis, KEYS, ARGV = redis, KEYS, ARGV'
  return `${locals}\nlocal verb = ARGV[1]\n${blocks.join('\n')}\nreturn redis.error_reply('HEADCOUNT unknown verb')\n`
}
