// A contestant that takes some requests and then fails as its argument says.
import { createServer } from 'node:http'

const [how] = process.argv.slice(2)
if (how === 'throws at the start') throw new Error('no')
const FAILURES = {
  'never fails': (response) => response.end('OK'),
  dies: () => process.exit(3),
  'says nothing': () => {},
  'answers something else': (response) => response.end('no'),
  'answers HTTP 500': (response) => response.writeHead(500).end('OK'),
  'breaks the connection': (response) => response.destroy(),
}

let taken = 0
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    taken += 1
    if (taken < 50) response.end('OK')
    else FAILURES[how](response)
  })
})
server.listen(0, '127.0.0.1')

process.on('message', () => process.send({ result: server.address().port }))
process.on('disconnect', () => process.exit())
