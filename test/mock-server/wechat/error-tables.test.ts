import t from 'tap'
import { LOGIN_APIS } from '../../../mock-server/apis.ts'
import { ERR_CODES, ERRCODES } from '../../../mock-server/wechat/error-tables.ts'

t.test('every call has the system error, and every code a text', async (t) => {
  t.same(Object.keys(ERRCODES), LOGIN_APIS)
  for (const [api, table] of Object.entries({ ...ERR_CODES, ...ERRCODES })) {
    t.ok('SYSTEMERROR' in table || '-1' in table, api)
    for (const [code, text] of Object.entries(table)) t.match(text, /\S/, `${api} ${code}`)
  }
})
