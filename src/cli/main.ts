#!/usr/bin/env node
import { description, version } from '../server/version.js'
import { makeProgram } from './program.js'

await makeProgram(version, description).parseAsync()
