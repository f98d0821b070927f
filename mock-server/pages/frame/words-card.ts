type Entry = readonly [en: string, zh: string]

/** The words of the report card; the texts of its cases are in report/. */
export const CARD = {
  runCard: ['Run the card', '开始体检'],
  orderUrl: ['Order URL (optional)', '下单 URL（可选）'],
  probeUrl: ['Order status URL (optional)', '查单 URL（可选）'],
  cardHint: [
    'With an order URL, the card attacks orders of your app. With a status URL, it also checks that goods go out exactly once.',
    '填写下单 URL，可测试应用自己的订单；再填写查单 URL，可检查是否恰好发货一次。',
  ],
  didRun: ['The run has started: {cases} cases.', '体检已开始，共 {cases} 项。'],
  runProgress: ['{done} of {cases} cases done', '已完成 {done}/{cases} 项'],
  emptyCard: ['No run yet', '尚未体检'],
  emptyCardHint: [
    'Is your app safe with money? Start a run here, or from a shell:',
    '你的应用收款安全吗？可在此开始体检，也可使用命令行：',
  ],
  must: ['Requirement', '要求'],
  source: ['Source', '依据'],
  severity: ['Severity', '影响'],
  level: ['Level', '级别'],
  levelUp: ['{level} and up', '{level} 起'],
  outcomes: ['Outcomes', '结果'],
  fix: ['How to fix it', '如何修复'],
  why: ['Why this case', '设置原因'],
  repeat: ['Run this case again', '重新测试此项'],
} as const satisfies Readonly<Record<string, Entry>>
