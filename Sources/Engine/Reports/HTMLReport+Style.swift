extension HTMLReport {
    /// The page's style: light or dark by the reader's system preference, light on paper.
    static let style = """
        :root{--ink:#1b2330;--paper:#f4f6f9;--sheet:#fff;--soft:#5c6878;--line:#e1e6ed;--fill:#eef1f5;--good:#14804a;\
        --bad:#c22f3d;--wait:#a96700;--busy:#1c6fb8;--dim:#8993a3;--edge:#aab4c2;--goodfill:#e7f5ed;--badfill:#fdecee;\
        --waitfill:#fdf3e1;--busyfill:#e8f1fa;--dimfill:#eff1f4}
        @media screen and (prefers-color-scheme:dark){:root{--ink:#e4e9f0;--paper:#0f1318;--sheet:#171c23;--soft:#98a4b4;\
        --line:#29313b;--fill:#1f262f;--good:#46c088;--bad:#ff7680;--wait:#efb04e;--busy:#68b3ff;--dim:#6d7888;--edge:#48535f;\
        --goodfill:#15291f;--badfill:#331a1e;--waitfill:#2f2513;--busyfill:#14263a;--dimfill:#20262e}}
        *{box-sizing:border-box}
        html{-webkit-text-size-adjust:100%}
        body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 "Inter",system-ui,-apple-system,"Segoe UI",Roboto,\
        "Liberation Sans",Arial,sans-serif}
        main{max-width:74rem;margin:0 auto;padding:2rem 1.25rem 3rem}
        header,section{background:var(--sheet);border:1px solid var(--line);border-radius:.8rem;padding:1.3rem 1.6rem;\
        margin:0 0 1.1rem}
        header{border-top:.35rem solid var(--tone)}
        .good{--tone:var(--good);--tonefill:var(--goodfill)}.bad{--tone:var(--bad);--tonefill:var(--badfill)}
        .wait{--tone:var(--wait);--tonefill:var(--waitfill)}.busy{--tone:var(--busy);--tonefill:var(--busyfill)}
        .dim{--tone:var(--dim);--tonefill:var(--dimfill)}
        .crumb{margin:0;color:var(--soft);font-size:.82rem}
        h1{font-size:2rem;line-height:1.25;margin:.1rem 0 .3rem;letter-spacing:-.022em;overflow-wrap:anywhere}
        h1 .badge{font-size:.95rem;letter-spacing:0;vertical-align:.3em;margin-left:.4rem}
        h2{font-size:1.08rem;margin:0 0 .8rem;letter-spacing:-.01em}
        h2 small,p small,td small{color:var(--soft);font-weight:400}
        h2 small{font-size:.8rem;margin-left:.4rem}
        h3{font-size:.85rem;color:var(--soft);font-weight:600;margin:0 0 .4rem}
        .lead{color:var(--soft);margin:.1rem 0 .8rem}.story{margin:.6rem 0 1.1rem;font-size:1.02rem}
        .soft{color:var(--soft)}
        .tiles{display:flex;flex-wrap:wrap;gap:.7rem;margin:0}
        .tiles div{flex:1 1 8rem;background:var(--fill);border-radius:.55rem;padding:.6rem .9rem}
        .tiles dt{color:var(--soft);font-size:.78rem}
        .tiles dd{margin:0;font-size:1.35rem;font-weight:650;font-variant-numeric:tabular-nums;letter-spacing:-.01em}
        .tiles dd span{display:block;font-size:.78rem;font-weight:400;color:var(--soft);letter-spacing:0;line-height:1.3}
        .badge{display:inline-block;background:var(--tonefill);color:var(--tone);border-radius:1rem;padding:.05rem .6rem;\
        font-size:.8rem;font-weight:600;white-space:nowrap}
        .problems{list-style:none;margin:0;padding:0}
        .problems li{border-left:.25rem solid var(--tone);background:var(--tonefill);border-radius:.3rem;padding:.5rem .8rem;\
        margin:.4rem 0;overflow-wrap:anywhere;break-inside:avoid}
        .problems b{color:var(--tone);margin-right:.4rem}.problems span{display:block;color:var(--soft);font-size:.9rem}
        .scroll{overflow-x:auto}
        table{border-collapse:collapse;width:100%;font-size:.88rem;margin:0 0 .4rem}
        table+table,.scroll+.scroll{margin-top:1.1rem}
        th{text-align:left;color:var(--soft);font-weight:600;font-size:.78rem;white-space:nowrap}
        th,td{padding:.38rem .9rem .38rem 0;border-bottom:1px solid var(--line);vertical-align:baseline}.trend{vertical-align:middle}
        tr:last-child td{border-bottom:0}
        th:last-child,td:last-child{padding-right:0}
        .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td.dim{color:var(--dim)}
        .time{font-variant-numeric:tabular-nums;color:var(--soft);white-space:nowrap}
        .sub{padding-left:1.2rem;color:var(--soft)}.null{color:var(--dim)}
        .path,.message,.value{overflow-wrap:anywhere}.value{max-width:22rem}.message{white-space:pre-wrap}
        code,.value,.message{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace;\
        font-size:.92em}
        .hash code,.value,.message{font-size:.85em}.hash{color:var(--soft);white-space:nowrap}
        .sample{width:auto}
        .bar{display:flex;gap:1px;height:1.1rem;border-radius:.3rem;overflow:hidden;background:var(--fill)}
        .bar i{flex:0 1 auto;background:var(--tone)}
        .bar.thin{height:.45rem;min-width:6rem}td.meter{vertical-align:middle}
        .legend{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.3rem;padding:0;margin:.5rem 0 1.1rem;color:var(--soft);\
        font-size:.85rem}
        .legend i{display:inline-block;width:.7rem;height:.7rem;border-radius:.15rem;margin-right:.4rem;background:var(--tone)}
        .graph{display:block;width:100%;height:auto;font-family:inherit}
        .graph .edge{fill:none;stroke:var(--edge);stroke-width:1.6}.graph .edge.blocked{stroke-dasharray:4 4}
        .graph .head{fill:var(--edge)}
        .graph .card{fill:var(--sheet);stroke:var(--line);stroke-width:1.2}.graph .bad .card{stroke:var(--tone)}
        .graph .side{fill:var(--tone)}
        .graph .name{font-size:13px;font-weight:600;fill:var(--ink)}.graph .facts{font-size:11.5px;fill:var(--soft)}
        .graph .bad .facts{fill:var(--tone)}
        .lane{display:grid;grid-template-columns:11rem 1fr 5rem;align-items:center;gap:.8rem;padding:.14rem 0}
        .lane b{font-weight:500;font-size:.9rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
        .lane em{font-style:normal;color:var(--soft);font-size:.82rem;text-align:right;font-variant-numeric:tabular-nums}
        .lane.item b{font-size:.78rem;color:var(--soft);font-weight:400;padding-left:1rem}.lane.item em{font-size:.75rem}
        .lane.item{padding:0}
        .track{position:relative;height:1.1rem;border-radius:.2rem;background:var(--fill)}
        .track s,.track u{position:absolute;top:0;bottom:0;text-decoration:none}
        .track s{width:1px;background:var(--line)}.track u{background:var(--sheet)}
        .item .track{height:.7rem}
        .axis .track{background:none;height:1.1rem}
        .axis .track span{color:var(--soft);font-size:.72rem;white-space:nowrap}
        .lane:not(.axis) .track span{position:absolute;top:.1rem;bottom:.1rem;border-radius:.18rem;background:var(--tone);\
        color:var(--sheet);font-size:.65rem;line-height:.9rem;padding-left:.2rem;overflow:hidden}
        .axis .track span{position:absolute}
        .lane.item .track span{opacity:.75}
        .spark{display:block;width:8.2rem;height:2.1rem}
        .spark polyline{fill:none;stroke:var(--soft);stroke-width:1.5;stroke-linejoin:round}
        .spark circle{fill:var(--tone)}.spark .limit{stroke:var(--tone);stroke-width:1;stroke-dasharray:3 3;opacity:.8}
        .trend{width:8.5rem}
        details{margin:1rem 0 0}summary{cursor:pointer;font-weight:600;font-size:.88rem;margin-bottom:.4rem}
        .columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:1rem 2.5rem}
        .facts{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.2rem;margin:0;font-size:.88rem}
        .facts dt{color:var(--soft)}.facts dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
        footer{margin-top:1.5rem;color:var(--dim);font-size:.8rem}
        @media (max-width:40rem){main{padding:.8rem}header,section{padding:1rem}.lane{grid-template-columns:6.5rem 1fr 3.5rem}}
        @page{size:A4;margin:14mm 12mm}
        @media print{html{font-size:12px}body{background:none;font-size:12px}main{max-width:none;padding:0}\
        header,section{border:0;border-radius:0;padding:0;margin:0 0 1.6rem}header{border-top:.35rem solid var(--tone);padding-top:.8rem}\
        h2{break-after:avoid}tr,.lane,.tiles,details summary{break-inside:avoid}.scroll{overflow:visible}.timeline.short,.graph{break-inside:avoid}\
        .graph{min-width:0!important}thead{display:table-header-group}th,td{padding-right:.6rem}\
        *{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
        """
}
