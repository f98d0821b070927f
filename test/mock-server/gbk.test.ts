import t from 'tap'
import { encodeGbk } from '../../mock-server/gbk.ts'

t.test('text in GBK', async (t) => {
  t.same(encodeGbk('茶'), Buffer.from([0xb2, 0xe8]))
  for (const text of ['plain <xml> & 0', '订单未支付', '龙井茶 & 点心', '，。《》']) {
    t.equal(new TextDecoder('gbk').decode(encodeGbk(text)), text)
  }
  t.equal(encodeGbk('a😀é').toString('latin1').slice(0, 2), 'a?', 'what GBK does not have')
})
