/** As in package.json; a test compares. It stands here as well because the library reads no files of its own. */
export const version = '0.1.0'
