import t from 'tap'
import { SUMMARIES } from '../../mock-server/openapi-summaries.ts'

t.test('each summary belongs to a route and is one sentence', async (t) => {
  for (const [route, summary] of Object.entries(SUMMARIES)) {
    t.match(route, /^(GET|POST|PUT|DELETE) \/[\w/:.-]*$/)
    t.match(summary, /^[A-Z0-9].*\.$/, route)
  }
})
