// The style sheet of the report page. Text has a contrast of at least 4.5 to 1 in both colour schemes
// (tests/cli/test_html_report.py).
#pragma once

namespace burin {

inline constexpr const char* kReportStyle = R"css(:root {
  color-scheme: light dark;
  --page: #f7f8fa; --panel: #ffffff; --text: #1b2128; --soft: #55606c; --line: #d5dae1; --edge: #8a95a3;
  --accent: #1f5fa8; --fill: #d3e3f5; --bar: #7fa9d9; --scratch: #ece3cf; --hot: #a8420f; --glow: #fae3d4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161b; --panel: #1a1f26; --text: #e4e8ed; --soft: #a3adb9; --line: #323a45; --edge: #6d7988;
    --accent: #86b8f0; --fill: #23405f; --bar: #4f83bd; --scratch: #45402f; --hot: #f09a66; --glow: #43291b;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 1480px; padding: 1.25rem 1rem 2rem; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.2; font-weight: 650; overflow-wrap: anywhere; }
header p { margin: .15rem 0 1rem; color: var(--soft); }
h2 { margin: 0 0 .25rem; font-size: 1.1rem; font-weight: 650; }
p { margin: 0 0 .75rem; }
section > p { color: var(--soft); font-size: .87rem; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; }
.side { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; align-content: start; }
section { min-width: 0; padding: 1rem; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; }
.scroll { overflow: auto; max-width: 100%; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
nav a { padding: .3rem 0; }
footer { margin-top: 1.25rem; color: var(--soft); font-size: .82rem; }
dl { margin: 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .9rem 1.25rem; margin-bottom: 1rem; }
.figures div { display: flex; flex-direction: column; }
.figures dt { font-weight: 500; }
.figures dt + dd { order: -1; }
.figures dt, .figures dd { color: var(--soft); font-size: .82rem; line-height: 1.35; }
.figures dd { margin: 0; }
.figures b { display: block; color: var(--text); font-size: 1.35rem; line-height: 1.25; font-weight: 600; font-variant-numeric: tabular-nums; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .15rem 1rem; margin-bottom: .75rem; font-size: .87rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: .84rem; line-height: 1.35; }
caption { text-align: left; color: var(--soft); padding-bottom: .4rem; }
th, td { padding: .4rem .5rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { color: var(--soft); font-size: .78rem; vertical-align: bottom; border-bottom: 1px solid var(--edge); }
tfoot td, tfoot th { font-weight: 600; border-bottom: 0; }
.layers th:nth-child(2) { position: sticky; left: 0; background: var(--panel); }
tr:target, .layers tr:target th:nth-child(2) { background: var(--fill); }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
thead .n { white-space: normal; }
.shape { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.n i { display: block; height: 4px; margin: .25rem 0 0 auto; background: var(--bar); border-radius: 1px; }
small { display: block; color: var(--soft); font-size: .78rem; font-weight: 400; }
.layers .member th { padding-left: 1.6rem; font-weight: 400; }
.name { display: block; min-width: 8.5rem; overflow-wrap: anywhere; font-weight: 550; }
.member .name { font-weight: 400; }
.cut { display: block; max-width: 22rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
summary { cursor: pointer; color: var(--accent); }
th summary { font-size: .78rem; }
details ul { margin: .2rem 0; padding-left: 1rem; font-size: .78rem; color: var(--soft); overflow-wrap: anywhere; }
#notes ul { margin: 0; padding-left: 1.1rem; overflow-wrap: anywhere; }
svg text { fill: var(--text); font-family: inherit; }
.graph { display: block; margin: 0 auto; }
.graph text { font-size: 11px; }
.graph .n { font-weight: 600; text-align: left; }
.graph .o { fill: var(--soft); }
.graph .e, .e { text-anchor: end; }
.graph .b { fill: var(--panel); stroke: var(--edge); }
.graph .w .b { fill: var(--fill); stroke: var(--bar); }
.graph .w .o { fill: var(--text); }
.graph .port .b { fill: var(--page); stroke-dasharray: 3 3; }
.graph .t { fill: var(--accent); }
.graph a:hover .b, .graph a:focus .b { stroke: var(--accent); stroke-width: 2; }
.edge { fill: none; stroke: var(--edge); stroke-width: 1.4; }
.a { fill: var(--edge); }
.arena { display: flex; margin-bottom: .5rem; }
.axis { flex: none; }
.arena > .scroll { flex: 1; min-width: 0; }
.axis text, .plot text { font-size: 11px; font-variant-numeric: tabular-nums; }
.plot { display: block; }
.plot .v rect { fill: var(--fill); stroke: var(--bar); }
.plot .s rect { fill: var(--scratch); stroke: var(--edge); }
.axis .q, .plot .tick { fill: var(--soft); }
.plot .tick { text-anchor: middle; }
.plot .span { stroke: var(--soft); }
.plot .peak { fill: var(--glow); }
.plot .mark { fill: var(--hot); }
.plot .peaktext, .axis .bound { fill: var(--hot); }
.plot .top { stroke: var(--edge); }
.plot .bound { stroke: var(--hot); stroke-width: 1.5; stroke-dasharray: 6 4; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
.k::before { content: ""; display: inline-block; width: 1.1em; height: .8em; margin-right: .4em; border: 1px solid var(--edge); }
.k.v::before { background: var(--fill); border-color: var(--bar); }
.k.s::before { background: var(--scratch); }
.k.p::before { background: var(--glow); border: 0; border-top: 3px solid var(--hot); }
.k.l::before { height: 0; border: 0; border-top: 2px dashed var(--hot); vertical-align: middle; }
@media (min-width: 1000px) {
  main { grid-template-columns: 25rem minmax(0, 1fr); align-items: start; }
  .top { grid-column: 1 / -1; }
  #graph { position: sticky; top: 1rem; display: flex; flex-direction: column; max-height: calc(100vh - 2rem); }
}
@media (max-width: 999px) {
  .layers th:nth-child(2) { box-shadow: 1px 0 var(--line); }
}
@media (max-width: 500px) {
  body { padding: 1rem .5rem 1.5rem; }
  section { padding: .8rem .6rem; }
  .facts { grid-template-columns: minmax(0, 1fr); }
  .facts dd { margin-bottom: .35rem; }
}
@media print {
  #graph { position: static; max-height: none; }
}
)css";

}  // namespace burin
