import t from 'tap'
import { APIS, isLoginApi, isNotice, isPayApi } from '../../mock-server/apis.ts'

t.test('every exchange is of one side', async (t) => {
  t.equal(new Set(APIS).size, APIS.length)
  for (const api of APIS) t.equal([isPayApi(api), isLoginApi(api), isNotice(api)].filter(Boolean).length, 1, api)
})
