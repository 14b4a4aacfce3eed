import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { settings, settingsList } from '../../src/server/config-settings.js'
import { pathsUnder, read } from './sources.js'

// biome-ignore lint/suspicious/noExplicitAny: documents of others' schemas.
type Document = any

const documents = (path: string): Document[] => parseAllDocuments(read(path)).map((document) => document.toJS())
const byKind = (kind: string): Document =>
  pathsUnder('deploy/kubernetes', '.yaml')
    .flatMap(documents)
    .find((document) => document.kind === kind)

const [compose] = documents('docker-compose.yml')
const envoy = documents('deploy/envoy/envoy.yaml')[0].static_resources
const pod = byKind('Deployment').spec.template.spec
const [container] = pod.containers
const drainMs = Number.parseInt(settings.drainTimeMs.default, 10) * 1_000

describe('what is deployed', () => {
  test.each(pathsUnder('deploy', '.yaml', '.yml'))('%s is YAML', (path) => {
    for (const document of parseAllDocuments(read(path))) expect(document.errors).toEqual([])
  })

  test('sets only what the server knows', () => {
    const known = settingsList.map(({ name }) => name)
    const set = [...Object.keys(compose.services.app.environment), ...container.env.map(({ name }: Document) => name)]
    expect(set.filter((name) => !known.includes(name))).toEqual([])
  })

  test('is given longer to stop than it takes to drain (L4)', () => {
    expect(Number.parseInt(compose.services.app.stop_grace_period, 10) * 1_000).toBeGreaterThan(drainMs)
    expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(drainMs + 5_000)
    // One at a time: the next one is not stopped before the one before it must have ended.
    expect(byKind('Deployment').spec.minReadySeconds).toBeGreaterThanOrEqual(pod.terminationGracePeriodSeconds)
  })

  test('is told nothing by services of its namespace, one of which may be called like a setting', () => {
    expect(pod.enableServiceLinks).toBe(false)
  })

  test('has room on a node for what a rolling update sends there that counts no connections', () => {
    const [{ pods }] = byKind('HorizontalPodAutoscaler').spec.metrics
    const most = Number(container.env.find(({ name }: Document) => name === 'WS_MAX_CONNECTIONS').value)
    // With n nodes the last one that is stopped holds (1 + 1/n)^(n-1) times the average.
    expect(most).toBeGreaterThan(Math.E * Number(pods.target.averageValue))
    expect(container.resources.limits).not.toHaveProperty('cpu')
    // Nodes of the old version that are still there do not count for the new ones' places.
    expect(pod.topologySpreadConstraints[0].matchLabelKeys).toEqual(['pod-template-hash'])
  })

  test('is asked for its health where it answers', () => {
    const probes = [container.livenessProbe, container.readinessProbe]
    expect(probes.map((probe) => probe.httpGet)).toEqual([
      { path: '/livez', port: 'admin' },
      { path: '/readyz', port: 'admin' },
    ])
    // 5,000 clients that come at one instant keep a node that has a quarter of a core silent for 5 s.
    const { periodSeconds, failureThreshold } = container.readinessProbe
    expect(periodSeconds * failureThreshold).toBeGreaterThan(5)
    // A startup probe restarts what fails it, and a node is not ready while Redis is away (R2).
    expect(container).not.toHaveProperty('startupProbe')
    const [alerts] = documents('deploy/prometheus/alerts.yml')
    const away = alerts.groups[0].rules.find(({ alert }: Document) => alert === 'HeadcountStoreAway')
    expect(away.expr).toContain('phase=~"starting|running"')
    const ports = Object.fromEntries(container.ports.map(({ name, containerPort }: Document) => [name, containerPort]))
    expect(ports).toEqual({ gateways: Number(settings.port.default), admin: Number(settings.adminPort.default) })
    for (const path of ['deploy/haproxy/haproxy.cfg', 'deploy/envoy/envoy.yaml'])
      expect(read(path)).toContain('/readyz')
  })

  test('has no alert of which it was not tried out when it fires and when not', () => {
    const [alerts] = documents('deploy/prometheus/alerts.yml')
    const tried = read('deploy/prometheus/alerts.test.yml')
    const names: string[] = alerts.groups[0].rules.map(({ alert }: Document) => alert)
    expect(names.filter((name) => !new RegExp(`alertname(=|: )"?${name}\\b`).test(tried))).toEqual([])
  })

  test('lets no client make up its address: the edge replaces X-Forwarded-For', () => {
    const haproxy = read('deploy/haproxy/haproxy.cfg')
    const frontends = haproxy.split(/^(?=\w)/m).filter((section) => section.startsWith('frontend '))
    expect(frontends).toHaveLength(2)
    for (const frontend of frontends)
      expect(frontend).toContain('\n    http-request set-header X-Forwarded-For %[src]\n')
    expect(haproxy).not.toContain('option forwardfor')
    const nginx = read('deploy/nginx/nginx.conf')
    expect(nginx).toContain('proxy_set_header X-Forwarded-For $remote_addr;')
    const manager = envoy.listeners[0].filter_chains[0].filters[0].typed_config
    expect(manager.use_remote_address).toBe(true)
    expect(manager.early_header_mutation_extensions[0].typed_config.mutations).toEqual([{ remove: 'x-forwarded-for' }])
  })

  test('asks another node where one drains, starts, has just gone or, behind HAProxy, hangs', () => {
    const haproxy = read('deploy/haproxy/haproxy.cfg').split(/^(?=\w)/m)
    const nodes = haproxy.find((section) => section.startsWith('backend nodes'))
    expect(nodes).toContain(
      '\n    option redispatch 1\n    retry-on conn-failure empty-response response-timeout 503\n',
    )
    expect(haproxy.find((section) => section.startsWith('defaults'))).toContain('\n    timeout server 4s\n')
    expect(read('deploy/nginx/nginx.conf')).toContain('proxy_next_upstream error timeout http_503;')
    const [{ route }] = envoy.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes
    expect(route.retry_policy.retriable_status_codes).toEqual([503])
    expect(route.retry_policy.retry_on.split(',')).toEqual(expect.arrayContaining(['connect-failure', 'reset']))
    expect(route.retry_policy.retry_host_predicate[0].typed_config['@type']).toMatch(/\.PreviousHostsPredicate$/)
  })

  test('has an nginx that passes on a 503 of all nodes (R2), and has a file for each of its connections', () => {
    const nginx = read('deploy/nginx/nginx.conf')
    const servers = nginx.match(/^ *server node-.+$/gm) ?? []
    expect(servers.length).toBeGreaterThan(1)
    // A 503 that another node is asked after counts as a failure, and nginx answers 502 itself once all have failed.
    for (const server of servers) expect(server).toMatch(/ max_fails=0;$/)
    // So a host that answers nothing is tried again and again: two of them within the 3 s of L6, and not for everybody.
    expect(Number(nginx.match(/^ *proxy_connect_timeout (\d+)ms;$/m)?.[1])).toBeLessThanOrEqual(500)
    expect(nginx).toMatch(/^ *random two least_conn;$/m)
    const figure = (name: string): number => Number(nginx.match(new RegExp(`^ *${name} (\\d+);$`, 'm'))?.[1])
    expect(figure('worker_rlimit_nofile')).toBeGreaterThan(figure('worker_connections'))
  })

  test('has an Envoy that holds more than three nodes may, and retries for a whole one that drains', () => {
    const [limits] = envoy.clusters[0].circuit_breakers.thresholds
    const most = 3 * container.env.find(({ name }: Document) => name === 'WS_MAX_CONNECTIONS').value
    for (const name of ['max_connections', 'max_pending_requests', 'max_requests'])
      expect(limits[name], name).toBeGreaterThan(most)
    expect(limits.max_retries).toBe(1_000)
  })

  test('has an image that is given whatever its build imports', () => {
    const given = read('.dockerignore').match(/(?<=^!scripts\/).+$/gm) ?? []
    const built = [...read('package.json').matchAll(/node scripts\/(bundle-[\w-]+\.mjs)/g)].map(([, name]) => name!)
    const imported = given.flatMap((name) => [...read(`scripts/${name}`).matchAll(/from '\.\/([\w-]+\.mjs)'/g)])
    expect(given).toEqual(expect.arrayContaining([...built, ...imported.map(([, name]) => name)]))
    expect(built.length * imported.length).toBeGreaterThan(0)
  })

  test('publishes on loopback, and with the port of the gateways none of the operators', () => {
    const published: string[] = Object.values(compose.services).flatMap((service: Document) => service.ports ?? [])
    expect(published.map((port) => port.split(':').at(-1))).toEqual(['8080', '8081', '9090', '3000'])
    const [gateways, ...operators] = published
    expect(gateways).toMatch(/^\$\{HEADCOUNT_BIND:-127\.0\.0\.1\}:/)
    for (const port of operators) expect(port).toMatch(/^\$\{HEADCOUNT_ADMIN_BIND:-127\.0\.0\.1\}:/)
  })

  test('runs without root, without rights and without writing', () => {
    expect(read('Dockerfile')).toMatch(/^USER node$/m)
    expect(compose.services.app).toMatchObject({ read_only: true, cap_drop: ['ALL'] })
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false })
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true })
  })

  test('has a Redis that evicts nothing', () => {
    const { command } = compose.services.redis
    expect(command[command.indexOf('--maxmemory-policy') + 1]).toBe('noeviction')
  })
})
