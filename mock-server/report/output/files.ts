import { casesOf, SUITES } from '../suites.ts'
import { levelOf, type Case } from '../case.ts'
import type { ShownBody } from '../parts/bench.ts'
import type { Card, CaseResult } from '../run.ts'
import { curlOf, repeatOf, sourceOf } from './text.ts'

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
/** Writes characters that XML cannot hold as escapes. */
const escape = (text: string) =>
  text
    .replace(
      /(?![\n\r\t])\p{Cc}|[\ufffe\uffff]/gu,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    .replace(/[&<>"']/g, (character) => ESCAPES[character]!)

/** JUnit XML: FAIL is a failure, SKIP is skipped, ERROR is an error. */
export function junitOf({ suite, results, durationMs, counts }: Card): string {
  const seconds = (ms: number) => (ms / 1000).toFixed(3)
  const inner = ({ verdict, said, severity }: CaseResult) => {
    const text = escape(said)
    if (verdict === 'FAIL') return `<failure type="${severity}" message="${text}"/>`
    if (verdict === 'ERROR') return `<error message="${text}"/>`
    if (verdict === 'SKIP') return `<skipped message="${text}"/>`
    return verdict === 'PASS' ? '' : `<system-out>${verdict}: ${text}</system-out>`
  }
  const cases = results.map(
    (result) =>
      `    <testcase classname="${suite}.${escape(result.chapter)}" name="${result.id} ${escape(result.title)}" time="${seconds(result.durationMs)}">${inner(result)}</testcase>`,
  )
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="${suite}" tests="${results.length}" failures="${counts.FAIL}" errors="${counts.ERROR}" skipped="${counts.SKIP}" time="${seconds(durationMs)}">
${cases.join('\n')}
  </testsuite>
</testsuites>
`
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** Markdown, for a pull request. */
export function markdownOf(card: Card): string {
  const { sentence, suite, seed, level, results, counts } = card
  const rows = results.map(
    ({ id, title, severity, verdict, said }) =>
      `| ${id} | ${cell(title)} | ${severity} | ${verdict} | ${verdict === 'PASS' ? '' : cell(said)} |`,
  )
  return `# ${sentence}

${suite} at level ${level}, seed \`${seed}\`: ${Object.entries(counts)
    .map(([verdict, n]) => `${n} ${verdict}`)
    .join(', ')}

| Case | | Severity | Verdict | |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

Badge: \`WeChat notify: ${sentence} · ${suite} ${level}\`
`
}

const bodyOf = ({ text, bytes, base64 }: ShownBody) =>
  `<p>${bytes} bytes${base64 === undefined ? '' : ', not text'}</p><pre>${escape(text.slice(0, 4096))}${bytes > 4096 ? '\n…' : ''}</pre>`

function caseOf(card: Card, result: CaseResult, one: Case): string {
  const { id, title, chapter, verdict, said, severity, events } = result
  const timeline = events.map((event) => {
    const { atMs, text, request, response } = event
    const exchange =
      request &&
      `<details><summary>bytes</summary><h4>${escape(`${request.method} ${request.url}`)}</h4><pre>${escape(
        Object.entries(request.headers)
          .map(([name, value]) => `${name}: ${value}`)
          .join('\n'),
      )}</pre>${bodyOf(request.body)}${response ? `<h4>HTTP ${response.status}</h4>${bodyOf(response.body)}` : ''}<pre>${escape(curlOf(event)!.slice(0, 8192))}</pre></details>`
    return `<li><b>+${atMs} ms</b> ${escape(text)}${exchange ?? ''}</li>`
  })
  return `<section id="${id}"><h2><span class="${verdict}">${verdict}</span> ${id} ${escape(title)}</h2>
<p>${escape(chapter)}; ${severity}; level ${levelOf(one)} and up</p>
<p><b>${escape(said)}</b></p>
<p>${escape(one.must)}<br>Source: ${escape(sourceOf(one))}</p>
<ul>${one.play.outcomes.map(([outcome, when]) => `<li><span class="${outcome}">${outcome}</span> ${escape(when)}</li>`).join('')}</ul>
<p>Fix: ${escape(one.fix)}</p>
<p>Repeat: <code>${escape(repeatOf(card, id))}</code></p>
<ol>${timeline.join('\n')}</ol></section>`
}

/** One self-contained page: the table, then each case with its bytes. */
export function htmlOf(card: Card): string {
  const { sentence, suite, seed, level, target, results } = card
  const all = SUITES.flatMap(casesOf)
  const rows = results.map(
    ({ id, title, verdict, severity, said }) =>
      `<tr><td><a href="#${id}">${id}</a></td><td><span class="${verdict}">${verdict}</span></td><td>${severity}</td><td>${escape(title)}</td><td>${verdict === 'PASS' ? '' : escape(said)}</td></tr>`,
  )
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(sentence)}</title>
<style>body{font:14px/1.5 system-ui;max-width:1200px;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse}td{border-top:1px solid #ddd;padding:4px 8px;vertical-align:top}pre{background:#f6f6f6;padding:8px;overflow:auto;white-space:pre-wrap;word-break:break-all}.PASS{color:#067a43}.FAIL,.ERROR{color:#b3261e}.LAX,.INFO{color:#8a5a00}.SKIP{color:#666}</style>
<h1>${escape(sentence)}</h1><p>${suite} at level ${level}, seed ${escape(seed)}, against ${escape(target)}</p>
<table>${rows.join('\n')}</table>
${results
  .map((result) =>
    caseOf(
      card,
      result,
      all.find(({ id }) => id === result.id)!,
    ),
  )
  .join('\n')}
</html>
`
}
