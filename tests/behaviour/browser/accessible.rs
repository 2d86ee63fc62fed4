//! What axe-core finds on a page, and what it cannot measure: sizes, scrolling, and what a finger or a Tab key reaches.

use std::path::PathBuf;

use serde_json::Value;

use super::page::Page;

/// axe-core's own program, if it is on this machine.
fn axe() -> Option<String> {
    let file = std::env::var_os("AXE_CORE").map(PathBuf::from).filter(|file| file.is_file());
    if file.is_none() {
        eprintln!("not looked at: AXE_CORE does not name axe.min.js (scripts/setup.sh test installs it)");
    }
    file.map(|file| std::fs::read_to_string(file).unwrap())
}

/// axe-core finds no violation on the page as it is now, in light and in dark.
pub async fn assert_accessible(page: &Page, state: &str) {
    let Some(axe) = axe() else { return };
    // The page's own policy allows no foreign script: this one is evaluated by the browser itself, as is all that a test asks.
    if !page.run::<bool>("return 'axe' in window;").await {
        page.run::<Value>(&format!("{axe}\nreturn null;")).await;
    }
    for scheme in ["light", "dark"] {
        page.prefer(scheme).await;
        page.settle().await;
        let found = page.promise("window.axe.run(document, { resultTypes: ['violations'] }).then((all) => all.violations)").await;
        let violations: Vec<String> = found.as_array().unwrap().iter().map(told).collect();
        assert!(violations.is_empty(), "{state}, {scheme}:\n{}", violations.join("\n"));
    }
    page.prefer("light").await;
}

fn told(violation: &Value) -> String {
    let nodes: Vec<&str> = violation["nodes"].as_array().unwrap().iter().filter_map(|node| node["html"].as_str()).collect();
    let why = violation["nodes"][0]["failureSummary"].as_str().unwrap_or_default();
    format!("{}: {} ({why})\n  {}", violation["id"], violation["help"], nodes.join("\n  "))
}

/// Nothing has to be scrolled sideways, and every button that is shown is at least 24 CSS pixels each way and can be brought into view.
pub async fn assert_fits(page: &Page, state: &str) {
    let faults: Vec<String> = page
        .run(
            "const faults = [];
            const root = document.documentElement;
            if (root.scrollWidth > root.clientWidth) faults.push(`${root.scrollWidth} pixels wide in a window of ${root.clientWidth}`);
            for (const each of document.querySelectorAll('button, select, summary, input, a[href]')) {
              if (!each.checkVisibility() || each.matches('.skip')) continue;
              const name = each.id || each.textContent.trim();
              each.scrollIntoView({ block: 'center' });
              const box = each.getBoundingClientRect();
              const target = each.matches('input') ? (each.closest('label') ?? each).getBoundingClientRect() : box;
              const small = each.matches('a') ? false : target.width < 24 || target.height < 24;
              if (small) faults.push(`${name}: ${Math.round(target.width)} by ${Math.round(target.height)}`);
              if (box.left < 0 || box.right > root.clientWidth + 1 || box.bottom <= 0 || box.top >= innerHeight) faults.push(`${name} is out of view`);
              const there = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
              if (!each.disabled && !(there && (each.contains(there) || there.contains(each)))) faults.push(`${name} is covered by ${there?.id || there?.className}`);
            }
            scrollTo(0, 0);
            return faults;",
        )
        .await;
    assert!(faults.is_empty(), "{state}: {faults:#?}");
}
