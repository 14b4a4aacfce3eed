import { Api } from './api.js'
import { Chart } from './chart.js'
import { ask, tellNothing } from './dialogs.js'
import { byId, setText, within } from './dom.js'
import { Feed } from './feed.js'
import { FeedState } from './feed-state.js'
import { number } from './format.js'
import { History } from './history.js'
import { NodeDifferences } from './node-differences.js'
import { NodesPanel } from './nodes-panel.js'
import { OrgPage } from './org-page.js'
import { OrgsPanel } from './orgs-panel.js'
import { RefusalList } from './refusal-list.js'
import { Session } from './session.js'
import { themeSwitch } from './theme.js'
import { showTiles } from './tiles.js'
import type { Refusal, Snapshot, Stats } from './types.js'

/** Answers that say something about the token, not about the store. */
const TOKEN_REFUSED = [401, 429]

const session = new Session(() => signIn('The node does not take this token.'))
const api = new Api(session)
const history = new History()
const chart = new Chart()
const nodes = new NodesPanel()
const differences = new NodeDifferences(api)
const orgs = new OrgsPanel(api)
const refusals = new RefusalList(byId('refusals'), { linked: true })
const orgPage = new OrgPage({ api, mayChange: () => mayChange })
const feedState = new FeedState()
const feed = new Feed(api, {
  onSnapshot: show,
  onUnavailable: (cause) => feedState.troubled(cause),
  onLost: (retryAtMs, why) => feedState.troubled(why, retryAtMs),
})
/** Until the node has said what the token may, nothing is offered that it may refuse. */
let mayChange = false

function show(snapshot: Snapshot): void {
  const nowMs = Date.now()
  history.add(snapshot, nowMs)
  nodes.show(snapshot.nodes, nowMs)
  differences.show(snapshot.nodes, nowMs)
  refusals.add(snapshot.refusals)
  orgPage.add(snapshot.refusals)
  orgs.show(snapshot)
  showTiles({ snapshot, history, listed: refusals.lastMinute(Date.parse(snapshot.at)), nowMs })
  chart.show(history.buckets, nowMs)
  setText(byId('fact-nodes'), number(snapshot.nodes.length))
  setText(byId('fact-epoch'), snapshot.store.epoch ?? '–')
  showAway(snapshot)
  feedState.heard()
}

/** Above all else, because it is about each panel. */
function showAway({ bucketsAway = [], buckets = 0 }: Snapshot): void {
  const [banner, count] = [byId('buckets-away'), bucketsAway.length]
  banner.hidden = count === 0
  // The first one keeps the notes of all.
  const notes = bucketsAway.includes(0) ? ', nor who was refused' : ''
  setText(banner, `${number(count)} of ${number(buckets)} buckets away: their orgs are not shown${notes}`)
}

function begin(): void {
  byId('sign-out').hidden = false
  feed.start()
  route()
  void showOnce()
}

/** What does not change while the page is open, and what had happened before it was. */
async function showOnce(): Promise<void> {
  const [stats, earlier] = await Promise.all([
    api.get<Stats>('stats'),
    api.get<{ refusals: Refusal[] }>('refusals?limit=100'),
  ])
  if (earlier.ok) refusals.add(earlier.body.refusals)
  if (!stats.ok) {
    if (session.token !== null) setTimeout(showOnce, 2_000)
    return
  }
  const { role, node, store } = stats.body
  mayChange = role === 'admin'
  byId('fact-read-only').hidden = mayChange
  setText(byId('fact-store'), store)
  byId('fact-store').title = store
  setText(byId('fact-node'), node.name)
}

function signIn(problem = ''): void {
  feed.stop()
  orgPage.close()
  byId('sign-out').hidden = true
  const dialog = byId<HTMLDialogElement>('sign-in')
  if (dialog.open) return
  const attempt = async () => {
    const field = byId<HTMLInputElement>('token')
    session.keep(field.value)
    // One question before all others: wrong tokens are counted, and too many of them lock this address out.
    const answer = await api.get<Stats>('stats')
    if (!answer.ok && TOKEN_REFUSED.includes(answer.status)) {
      session.forget()
      // What is typed next takes its place.
      field.focus()
      field.select()
      return answer
    }
    field.value = ''
    begin()
    return { ok: true, body: undefined } as const
  }
  // Without a token there is nothing to go back to.
  void ask('sign-in', attempt).then((done) => done || signIn())
  setText(within(dialog, '.problem'), problem)
}

function route(): void {
  const named = /^#\/org\/(.+)$/.exec(location.hash)?.[1]
  const org = named === undefined ? undefined : decoded(named)
  byId('overview').hidden = org !== undefined
  byId('org-page').hidden = org === undefined
  document.title = org === undefined ? 'headcount' : `${org} · headcount`
  tellNothing()
  if (org === undefined) orgPage.close()
  else if (session.token !== null) orgPage.open(org)
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

themeSwitch()
addEventListener('hashchange', route)
addEventListener('pagehide', () => history.save())
addEventListener('keydown', (event) => {
  const busy = event.target instanceof HTMLInputElement || document.querySelector('dialog[open]') !== null
  if (event.key !== '/' || busy || event.ctrlKey || event.metaKey || event.altKey) return
  event.preventDefault()
  location.hash = '#/'
  route()
  byId('search').focus()
})
byId('sign-out').addEventListener('click', () => {
  history.clear()
  session.forget()
  // Nothing of what was shown outlives the session, not even behind a dialog.
  location.reload()
})
if (session.token === null) signIn()
else begin()
