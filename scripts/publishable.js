// Ends `npm publish` while package.json names no repository. npm's page of the package resolves the relative links of README by it,
// and derives the addresses of the home page and of the list of issues from it.
import { readFileSync } from 'node:fs'

const { repository } = JSON.parse(readFileSync('package.json', 'utf8'))
if (repository === undefined) {
  console.error(
    "package.json names no repository, so the links on the package's page would lead nowhere: npm pkg set repository=URL, commit, and publish again.",
  )
  process.exitCode = 1
}
