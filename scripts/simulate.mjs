// Many seeds of the simulation, or one again to the letter.
//
//   npm run simulate -- --seeds 5000     days 1 to 5000
//   npm run simulate -- --seed 114       that day alone; a failure comes with the shortest history that shows it
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '1000' }, seed: { type: 'string' } } })
const env = { ...process.env, HEADCOUNT_SIMULATIONS: values.seeds, ...(values.seed && { SEED: values.seed }) }
const { status } = spawnSync('npx', ['vitest', 'run', 'test/simulation'], { env, stdio: 'inherit' })
process.exitCode = status ?? 1
