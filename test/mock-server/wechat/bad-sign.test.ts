import t from 'tap'
import { withBadSign } from '../../../mock-server/wechat/bad-sign.ts'
import { sample } from '../helpers.ts'

t.test('every digit of the signature changes, and nothing else', async (t) => {
  const xml = '<xml><a><![CDATA[1]]></a><sign><![CDATA[0123456789ABCDEF]]></sign><b>0</b></xml>'
  t.equal(withBadSign(xml), '<xml><a><![CDATA[1]]></a><sign><![CDATA[FEDCBA9876543210]]></sign><b>0</b></xml>')
})

t.test('a message without a signature gets a wrong one', async (t) => {
  t.match(
    withBadSign(sample('03-unifiedorder.response.return-fail-sign.xml')),
    /<sign><!\[CDATA\[0{32}\]\]><\/sign><\/xml>/,
  )
})
