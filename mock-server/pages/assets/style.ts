/**
 * The stylesheet of the pages. Green means that money or an answer was accepted, red refused or failed, amber waiting. The shape of a mark says the same.
 */
export const STYLE = `
:root{color-scheme:light dark;--bg:light-dark(#fff,#16181b);--soft:light-dark(#f5f6f7,#1f2226);--line:light-dark(#e1e4e8,#33373d);--text:light-dark(#1c1f23,#e6e8eb);--dim:light-dark(#5d6670,#9aa3ad);--link:light-dark(#0b5cad,#7ab7f5);--good:light-dark(#067a3d,#3ecf7f);--fill:light-dark(#07c160,#3ecf7f);--bad:light-dark(#c0271d,#ff8077);--wait:light-dark(#8a5a00,#e6b455);--mark:light-dark(#ffe9a8,#5b4a12);--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
.light{color-scheme:light}.dark{color-scheme:dark}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--text);font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"PingFang SC","Noto Sans CJK SC","Microsoft YaHei",sans-serif;display:grid;grid-template:"head head" auto "nav main" 1fr "nav foot" auto/168px minmax(0,1fr);min-height:100vh}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:4px}
small,.dim{color:var(--dim);font-size:12px}
h1{font-size:18px;line-height:24px;margin:0 0 16px}h2{font-size:14px;margin:24px 0 8px}h3{font-size:12px;font-weight:600;margin:0 0 4px}
code,pre,kbd,.mono{font-family:var(--mono);font-size:12px}
pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
p,li,dd,h1{overflow-wrap:anywhere}
kbd{border:1px solid var(--line);border-radius:4px;padding:0 5px}
.skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;background:var(--bg);padding:8px;z-index:9}
header{grid-area:head;display:flex;gap:8px 16px;align-items:center;padding:8px 16px;border-bottom:1px solid var(--line);flex-wrap:wrap}
.name{font-weight:600;color:var(--text);display:flex;gap:8px;align-items:center}
header form[role=search]{flex:1 1 200px;max-width:420px}input[type=search]{width:100%}
.time{display:flex;gap:8px;align-items:center;flex-wrap:wrap;margin-left:auto;font-variant-numeric:tabular-nums}
.prefs{display:flex;gap:12px;font-size:12px}.prefs .tolight{display:none}@media (prefers-color-scheme:dark){.prefs .tolight{display:inline}.prefs .todark{display:none}}
.menu{position:relative}.menu ul{position:absolute;z-index:5;margin:4px 0;padding:8px 16px;list-style:none;background:var(--bg);border:1px solid var(--line);border-radius:6px;max-height:60vh;overflow:auto}
#nav{grid-area:nav;border-right:1px solid var(--line);padding:16px 8px;display:flex;flex-direction:column;gap:2px}
#nav a{color:var(--text);padding:5px 8px;border-radius:6px;display:flex;justify-content:space-between}
#nav a[aria-current]{background:var(--soft);font-weight:600}#nav b{color:var(--wait);font-weight:600;font-variant-numeric:tabular-nums}
main{grid-area:main;padding:24px;max-width:1200px;min-width:0}main:focus{outline:none}
footer{grid-area:foot;padding:8px 24px;display:flex;justify-content:space-between;align-items:start;color:var(--dim);font-size:12px}
#keys dl{display:grid;grid-template-columns:auto 1fr;gap:4px 8px;margin:8px 0}dd{margin:0}
form{display:inline}
button,.button,input,select{font:inherit;color:inherit;border:1px solid var(--line);border-radius:6px;background:var(--bg);padding:3px 10px;min-height:30px}
button,.button{cursor:pointer;background:var(--soft)}button:hover:not(:disabled){border-color:var(--dim)}button:disabled{color:var(--dim);cursor:not-allowed;opacity:.7}
button.main:not(:disabled){background:var(--fill);border-color:var(--fill);color:#04210f;font-weight:600}
.button{display:inline-block;color:var(--text)}
input[type=number]{width:7em}input[name=times]{width:5em}input[name=value],input[name=no]{width:11em}label{display:inline-flex;flex-direction:column;gap:2px;font-size:12px;color:var(--dim)}label input,label select{color:var(--text);font-size:14px;max-width:100%}
.acts{display:flex;gap:8px;flex-wrap:wrap;align-items:end;margin:0 0 16px}.acts form{display:inline-flex;gap:8px;align-items:end;flex-wrap:wrap}.more{width:100%}.more .acts{margin:8px 0 0}
.note{padding:8px 12px;border-left:3px solid;background:var(--soft);margin:0 0 16px;overflow-wrap:anywhere}
.off,.crumb{color:var(--dim)}.crumb{margin:0 0 4px;font-size:12px}.verdict{white-space:nowrap;font-weight:600}.row.case{grid-template-columns:64px 56px minmax(0,1fr) auto;align-items:baseline}.case .what>*{white-space:normal}.case .id{color:var(--link);font-variant-numeric:tabular-nums}progress{accent-color:var(--fill);width:100%;max-width:420px}
.did,.refused{padding:8px 12px;border-left:3px solid var(--good);background:var(--soft);margin:0 0 16px;overflow-wrap:anywhere}.refused{border-color:var(--bad)}
.tabs{display:flex;gap:4px 16px;border-bottom:1px solid var(--line);margin:0 0 12px;flex-wrap:wrap}.tabs a{padding:4px 0;color:var(--dim)}.tabs a[aria-current]{color:var(--text);border-bottom:2px solid var(--link);font-weight:600}
.rows{list-style:none;margin:0;padding:0}
.row{display:grid;grid-template-columns:20px minmax(0,4fr) minmax(0,2fr) 80px 176px 104px;gap:2px 12px;align-items:center;padding:7px 4px;border-bottom:1px solid var(--line);color:var(--text)}
.row:hover{background:var(--soft);text-decoration:none}.row>*{min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.row .what{display:flex;flex-direction:column;white-space:normal}.what>*{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.fee{font-variant-numeric:tabular-nums;text-align:right}.row .ago{text-align:right;color:var(--dim);font-size:12px}
.good{color:var(--good)}.bad{color:var(--bad)}.wait{color:var(--wait)}
.marks{display:inline-flex;gap:3px;align-items:center;font-size:8px;overflow:visible!important}.marks.big{font-size:14px;gap:4px;flex-wrap:wrap}
.marks i{width:1em;height:1em;border-radius:50%;border:1.5px solid var(--line);flex:none;display:block}.marks>:first-child{margin-right:3px}
.marks a{display:block;border-radius:50%}
.marks .a{background:var(--fill);border-color:var(--fill)}
.marks .x{border:0;border-radius:0;background:var(--bad);clip-path:polygon(20% 0,50% 30%,80% 0,100% 20%,70% 50%,100% 80%,80% 100%,50% 70%,20% 100%,0 80%,30% 50%,0 20%)}
.marks .n{border-color:var(--wait);box-shadow:0 0 0 2px var(--mark)}
.marks .u{border-color:var(--wait);background:linear-gradient(90deg,var(--wait) 50%,transparent 50%)}
.marks .h{border-color:var(--dim);background:linear-gradient(45deg,transparent 40%,var(--dim) 40% 60%,transparent 60%)}
.split{display:grid;grid-template-columns:minmax(260px,2fr) minmax(0,3fr);gap:24px}
.facts{display:grid;grid-template-columns:auto minmax(0,1fr);gap:2px 16px;margin:0 0 16px}.facts dt{color:var(--dim)}.facts dd{overflow-wrap:anywhere}
.line{list-style:none;margin:0;padding:0;border-left:2px solid var(--line)}.line li{padding:4px 0 4px 16px;position:relative}
.line li::before{content:"";position:absolute;left:-5px;top:11px;width:8px;height:8px;border-radius:50%;background:var(--dim)}
.line li.good::before{background:var(--fill)}.line li.bad::before{background:var(--bad);border-radius:1px;transform:rotate(45deg)}.line li.wait::before{background:var(--bg);border:2px solid var(--wait)}
.line li{overflow-wrap:anywhere}.line li.bad .said{color:var(--bad)}.line li.good,.line li.bad,.line li.wait{color:inherit}.line li.good .said{color:var(--good)}.line li.in{margin-left:24px}.line a{color:inherit;display:block}.line a[aria-current]{background:var(--soft);font-weight:600}.line time{color:var(--dim);font-size:12px;margin-right:8px;font-variant-numeric:tabular-nums}
.flag{color:var(--bad);font-size:12px}
.wire{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,280px),1fr));gap:16px}.wire h2{margin-top:0}
.bytes{background:var(--soft);border-radius:6px;padding:8px 12px;max-width:100%}.bytes+.bytes{margin-top:8px}.bytes .t{color:var(--link)}.bytes .s{color:var(--good)}.bytes .h{color:var(--dim)}
mark{background:var(--mark);color:inherit;border-radius:2px}
table{border-collapse:collapse;width:100%;margin:0 0 16px}th{text-align:left;font-weight:400;color:var(--dim);font-size:12px}td,th{padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}td.num,th.num{text-align:right;font-variant-numeric:tabular-nums}td.when{white-space:nowrap}
.scroll{overflow-x:auto}
.copy{position:relative;background:var(--soft);border-radius:6px;padding:8px 12px;margin:0 0 12px}.copy pre{max-height:280px;overflow:auto;padding-right:64px}.copy button{position:absolute;top:6px;right:6px;background:var(--bg);font-size:12px;min-height:24px;padding:1px 8px}
.script{display:none}.js .script{display:inline-block}
.empty{padding:32px 0;max-width:960px}.empty p{max-width:720px}.empty h2{font-size:18px;margin-top:0}
.pages{display:flex;gap:16px;align-items:center;margin-top:12px;color:var(--dim)}
.filters{display:flex;gap:4px 16px;margin-bottom:8px;flex-wrap:wrap}.filters a[aria-current]{font-weight:600;color:var(--text)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(220px,1fr));gap:16px;margin-bottom:16px}.cards button{width:100%;text-align:left;padding:10px 12px;white-space:normal}.cards small{display:block}
body.bare{display:block;background:var(--soft)}.bare main{padding:0;margin:0 auto;max-width:499px;min-height:100vh;background:var(--bg);display:flex;flex-direction:column}
.sheet{padding:16px 20px;display:flex;flex-direction:column;gap:12px;flex:1}.sheet .x{align-self:start;font-size:20px;color:var(--dim);line-height:1;padding:4px}
.sheet .big{font-size:40px;line-height:1.2;font-weight:600;text-align:center;font-variant-numeric:tabular-nums;margin:0}.sheet .who{text-align:center;margin:16px 0 0;overflow-wrap:anywhere}
.sheet dl{display:grid;grid-template-columns:auto 1fr;gap:8px 16px;border-top:1px solid var(--line);padding-top:16px;margin:16px 0 0}.sheet dd{text-align:right;overflow-wrap:anywhere}.sheet dt{color:var(--dim)}
.sheet form,.sheet .act{display:block}.sheet .act button,.sheet .act .button{width:100%;min-height:46px;font-size:16px;text-align:center}.sheet .act .button{padding-top:10px}
.tick{width:56px;height:56px;margin:32px auto 0;border-radius:50%;background:var(--fill);color:#04210f;font-size:32px;line-height:56px;text-align:center}.tick.no{background:var(--line);color:var(--text)}
.sheet ul{list-style:none;padding:0;margin:8px 0}
.qr{width:160px;height:160px;display:block;background:#fff;border-radius:6px}
@media (min-width:500px){.bare main{max-width:375px;margin:24px auto;min-height:667px;border:1px solid var(--line);border-radius:24px;overflow:hidden}}
@media (max-width:900px){.split{grid-template-columns:minmax(0,1fr)}.row{grid-template-columns:20px minmax(0,3fr) 80px 176px 104px}.row .payer{display:none}}
@media (max-width:600px){body{grid-template:"head" auto "main" 1fr "foot" auto/minmax(0,1fr);padding-bottom:calc(76px + env(safe-area-inset-bottom))}
#nav{position:fixed;z-index:6;bottom:0;left:0;right:0;display:grid;grid-template-columns:repeat(5,auto);border:0;border-top:1px solid var(--line);background:var(--bg);padding:4px 4px calc(4px + env(safe-area-inset-bottom))}#nav a{padding:6px 2px;font-size:12px;white-space:nowrap;gap:4px;justify-content:center}
main{padding:16px}.scroll table{min-width:560px}.time form:not(:has([data-key])){display:none}.prefs{margin-left:auto}header form[role=search]{order:9;flex-basis:100%;max-width:none}.time{margin-left:0;order:8;flex-basis:100%}
.row{grid-template-columns:20px minmax(0,1fr) auto;grid-template-areas:"m w f" ". s a"}.row .st{grid-area:m}.row .what{grid-area:w}.row .fee{grid-area:f}.row .marks{grid-area:s}.row .ago{grid-area:a}button,.button,input,select{min-height:40px}.button{padding-top:8px}.acts label:has([size]){width:100%}.row.case{grid-template-columns:auto 1fr auto;grid-template-areas:'v i c' 'w w w'}.case .verdict{grid-area:v}.case .id{grid-area:i}.case .cost{grid-area:c}.case .what{grid-area:w}body.bare{padding-bottom:0}}
@media (prefers-reduced-motion:no-preference){.new{animation:new 1s}@keyframes new{from{background:var(--mark)}}}
`
