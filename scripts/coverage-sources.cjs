// tsx leaves the sources out of its source maps, and the coverage report takes a file without source for one line that is always covered.
// Without the empty entry it reads the file itself.
const nodeModule = require('node:module')

const { findSourceMap } = nodeModule
nodeModule.findSourceMap = (path) => {
  const map = findSourceMap(path)
  if (map !== undefined) Object.defineProperty(map, 'payload', { value: { ...map.payload, sourcesContent: undefined }, configurable: true })
  return map
}
nodeModule.syncBuiltinESMExports()
