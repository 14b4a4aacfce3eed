import { readFileSync } from 'node:fs'
import { nearest } from '../core/nearest.js'
import { parseJson } from '../core/parse-json.js'
import { settings, settingsList } from './config-settings.js'
import { didYouMean } from './did-you-mean.js'
import { nearestSetting } from './nearest-setting.js'

export interface ConfigInputs {
  /** Flags only, without the program's name. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly readFile?: (path: string) => Uint8Array
}

/** One thing wrong with the configuration. */
export interface ConfigError {
  /** The variable, flag or file at fault. */
  readonly setting: string
  /** A whole sentence with the setting, its value unless secret, and what is accepted. */
  readonly message: string
}

/** The text of a setting, and where it stands: for a list, and in the middle of a sentence. */
interface Given {
  readonly text: string
  readonly origin: string
  readonly where: string
}

/** Texts by the name of their variable, and what could not be understood on the way. */
interface Source {
  readonly texts: ReadonlyMap<string, string>
  readonly errors: readonly ConfigError[]
}

const names = settingsList.map(({ name }) => name)
const flags = settingsList.map(({ flag }) => flag)

/**
 * What stands anywhere, by the name of its variable: flag before environment before file, which is named by one of these.
 * Defaults are left to the reader, and so is whether a text is a value of its setting.
 */
export function readSources({ argv, env, readFile = readFileSync }: ConfigInputs): {
  readonly given: ReadonlyMap<string, Given>
  readonly errors: readonly ConfigError[]
} {
  const told = [
    { origin: 'flag', where: 'on the command line', ...readFlags(argv) },
    { origin: 'environment', where: 'in the environment', ...readEnvironment(env) },
  ]
  const path = told.map(({ texts }) => texts.get(settings.configFile.name)).find(Boolean)
  const inFile = path === undefined ? [] : [readConfigFile(path, readFile)]
  const sources = [...told, ...inFile.map((file) => ({ origin: `file ${path}`, where: `in ${path}`, ...file }))]
  const given = new Map<string, Given>()
  for (const { origin, where, texts } of sources.toReversed()) {
    for (const [name, text] of texts) given.set(name, { text, origin, where })
  }
  return { given, errors: sources.flatMap(({ errors }) => errors) }
}

/** `--flag value` or `--flag=value`; the last one wins. What is not understood is named, but never its value. */
function readFlags(argv: readonly string[]): Source {
  const texts = new Map<string, string>()
  const errors: ConfigError[] = []
  for (let i = 0; i < argv.length; i++) {
    const [flag = '', ...rest] = argv[i]!.split('=')
    const setting = settingsList.find((candidate) => candidate.flag === flag)
    if (!flag.startsWith('-')) {
      errors.push({ setting: 'arguments', message: `Argument ${i + 1} is not a flag; flags look like --port 8080.` })
    } else if (setting === undefined) {
      errors.push({ setting: flag, message: `${flag} is not a flag${didYouMean(nearest(flag, flags))}` })
      // Its value, if it has one, would be reported a second time as something that is not a flag.
      if (rest.length === 0 && argv[i + 1]?.startsWith('--') === false) i++
    } else if (rest.length > 0) {
      texts.set(setting.name, rest.join('='))
    } else if (argv[i + 1] === undefined || argv[i + 1]!.startsWith('--')) {
      errors.push({ setting: flag, message: `${flag} needs a value: ${setting.kind.accepts}.` })
    } else {
      texts.set(setting.name, argv[++i]!)
    }
  }
  return { texts, errors }
}

/** An empty variable counts as none: that is how compose files and shells pass on what is not set. */
function readEnvironment(env: Readonly<Record<string, string | undefined>>): Source {
  const texts = new Map<string, string>()
  for (const name of names) if (env[name]) texts.set(name, env[name])
  return { texts, errors: [] }
}

/** A JSON object from variable names to texts, numbers or booleans. Anything else in it is refused and named. */
function readConfigFile(path: string, readFile: (path: string) => Uint8Array): Source {
  const broken = (reason: string): Source => ({
    texts: new Map(),
    errors: [
      { setting: settings.configFile.name, message: `The configuration file ${path} cannot be used: ${reason}.` },
    ],
  })
  let bytes: Uint8Array
  try {
    bytes = readFile(path)
  } catch (error) {
    return broken((error as NodeJS.ErrnoException).code ?? String(error))
  }
  const json = parseJson(bytes)
  if (!json.ok) return broken(json.reason)
  if (typeof json.value !== 'object' || json.value === null || Array.isArray(json.value)) {
    return broken('it must hold one JSON object, such as {"PORT": 8080}')
  }
  const texts = new Map<string, string>()
  const errors: ConfigError[] = []
  for (const [name, value] of Object.entries(json.value)) {
    if (!names.includes(name) || name === settings.configFile.name) {
      errors.push({
        setting: name,
        message: `${name} in ${path} is not a setting${didYouMean(nearestSetting(name, names))}`,
      })
    } else if (['string', 'number', 'boolean'].includes(typeof value)) {
      texts.set(name, String(value))
    } else {
      errors.push({ setting: name, message: `${name} in ${path} must be a text, a number, true or false.` })
    }
  }
  return { texts, errors }
}
