// Loaded into a server process before its program (see wall-clock.ts): its wall clock is as wrong as a file says.
import { readFileSync } from 'node:fs'

const real = Date.now
Date.now = () => real() + Number(readFileSync(process.env.TEST_WALL_CLOCK, 'utf8'))
