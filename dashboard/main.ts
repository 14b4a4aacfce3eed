import { Api } from './api.js'
import { Chart } from './chart.js'
import { ask, tellNothing } from './dialogs.js'
import { byId, setText } from './dom.js'
import { Feed } from './feed.js'
import { duration, number } from './format.js'
import { History } from './history.js'
import { NodesPanel } from './nodes-panel.js'
import { OrgPage } from './org-page.js'
import { OrgsPanel } from './orgs-panel.js'
import { RefusalList } from './refusal-list.js'
import { Session } from './session.js'
import { themeSwitch } from './theme.js'
import { showTiles } from './tiles.js'
import type { Snapshot, Stats } from './types.js'

/** Snapshots come once a second; what is older than this must not be taken for the present. */
const STALE_MS = 4_000

const session = new Session((problem) => {
  if (session.token === null) signIn(problem)
  else begin()
})
const api = new Api(session)
const history = new History()
const chart = new Chart()
const nodes = new NodesPanel()
const orgs = new OrgsPanel()
const refusals = new RefusalList(byId('refusals'), { linked: true })
const orgPage = new OrgPage({ api, nodeName: (lease) => nodes.nameOf(lease), mayChange: () => true })
const feed = new Feed(api, { onSnapshot: show, onLost: lost })

let heardAtMs = 0
/** Why nothing new comes. */
let trouble = ''
let retryAtMs: number | undefined

function show(snapshot: Snapshot): void {
  const nowMs = Date.now()
  heardAtMs = nowMs
  trouble = ''
  retryAtMs = undefined
  history.add(snapshot, nowMs)
  nodes.show(snapshot.nodes, nowMs)
  refusals.add(snapshot.refusals)
  orgPage.add(snapshot.refusals)
  orgs.show(snapshot.orgs)
  showTiles(snapshot, history, nowMs)
  chart.show(history.buckets, nowMs)
  setText(byId('fact-nodes'), number(snapshot.nodes.length))
  tellFeed()
}

function lost(atMs: number, why: string): void {
  trouble = why
  retryAtMs = atMs
  tellFeed()
}

/** Live, or how old what is shown is, why, and when the next attempt is made. */
function tellFeed(): void {
  const element = byId('feed')
  const ageMs = Date.now() - heardAtMs
  const stale = heardAtMs > 0 && ageMs > STALE_MS
  const state = stale ? 'stale' : heardAtMs > 0 ? 'live' : 'waiting'
  const told = { live: 'live', waiting: 'connecting', stale: `stale: heard ${duration(ageMs)} ago` }[state]
  const again = retryAtMs === undefined ? '' : `, again in ${duration(Math.max(0, retryAtMs - Date.now()))}`
  element.dataset.state = state
  document.body.toggleAttribute('data-stale', stale)
  setText(element, state === 'live' || trouble === '' ? told : `${told} (${trouble}${again})`)
}

function signIn(problem?: string): void {
  feed.stop()
  orgPage.close()
  byId('sign-out').hidden = true
  if (byId<HTMLDialogElement>('sign-in').open) return
  const attempt = async () => {
    session.begin(byId<HTMLInputElement>('token').value)
    byId<HTMLInputElement>('token').value = ''
    return { ok: true, body: undefined } as const
  }
  void ask('sign-in', attempt).then((done) => {
    if (!done) signIn()
  })
  setText(byId('sign-in').querySelector('.problem')!, problem ?? '')
}

function begin(): void {
  byId('sign-out').hidden = false
  feed.start()
  route()
  void showStats()
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

async function showStats(): Promise<void> {
  if (session.token === null || document.hidden) return
  const answer = await api.get<Stats>('stats')
  if (!answer.ok) return
  const { node, store, version, recoveryMs = 0 } = answer.body
  const recovering = recoveryMs > 0 ? `, recovering for ${duration(recoveryMs)}` : ''
  setText(byId('fact-store'), `${store}${node.storeReachable ? recovering : ', away'}`)
  byId('fact-store').title = store
  setText(byId('fact-node'), `${node.name}, ${node.phase}`)
  setText(byId('fact-version'), version ?? '–')
}

themeSwitch()
addEventListener('hashchange', route)
addEventListener('pagehide', () => history.save())
addEventListener('keydown', (event) => {
  const typing = event.target instanceof HTMLInputElement || document.querySelector('dialog[open]')
  if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return
  event.preventDefault()
  location.hash = '#/'
  byId('search').focus()
})
byId('sign-out').addEventListener('click', () => {
  history.clear()
  session.forget()
  // Nothing of what was shown outlives the session, not even behind a dialog.
  location.reload()
})
setInterval(tellFeed, 1_000)
setInterval(showStats, 5_000)
if (session.token === null) signIn()
else begin()
