import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** Where the first of these programs is that the PATH has; in one folder the one named first. */
export async function executableOnPath(
  names: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  for (const directory of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    for (const name of names) {
      const path = join(directory, name)
      const executable = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
      if (executable) return path
    }
  }
  return undefined
}
