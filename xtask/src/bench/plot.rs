//! Bar charts in SVG, legible on a light and a dark background.

use std::fmt::Write as _;

/// Several charts, one below another.
#[derive(Debug)]
pub(super) struct Plot {
    pub(super) title: String,
    /// What the names of the bars do not say.
    pub(super) caption: String,
    pub(super) panels: Vec<Panel>,
}

/// One chart: a bar for each server, the shortest first.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) scale: Scale,
    pub(super) bars: Vec<Bar>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// A bar that is too long is cut and marked, so that one slow server does not hide the differences between others.
    Linear,
    Logarithmic,
}

#[derive(Debug)]
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) value: f64,
    /// The value as text.
    pub(super) label: String,
    pub(super) shade: Shade,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shade {
    Floor,
    Ours,
    Peer,
}

const WIDTH: f64 = 860.0;
const NAMES: f64 = 190.0;
const LABELS: f64 = 110.0;
const BAR: f64 = 16.0;
const STEP: f64 = 22.0;
/// The title and the caption.
const HEAD: f64 = 56.0;

const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1f2328}\
.title{font-size:17px;font-weight:600}.caption{font-size:12px}.panel{font-weight:600}.name{text-anchor:end}\
.ours{fill:#0969da}.peer{fill:#8c959f}.floor{fill:#d0d7de}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ours{fill:#4493f8}.peer{fill:#6e7681}.floor{fill:#3d444d}}";

impl Plot {
    pub(super) fn svg(&self) -> String {
        let heights: f64 = self.panels.iter().map(Panel::height).sum();
        let height = HEAD + heights;
        let mut svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}"><style>{STYLE}</style><text class="title" x="8" y="24">{title}</text><text class="caption" x="8" y="44">{caption}</text>"#,
            title = escape(&self.title),
            caption = escape(&self.caption),
        );
        let mut top = HEAD;
        for panel in &self.panels {
            panel.draw(top, &mut svg);
            top += panel.height();
        }
        svg.push_str("</svg>\n");
        svg
    }
}

impl Panel {
    fn height(&self) -> f64 {
        let bars = u32::try_from(self.bars.len()).unwrap_or(u32::MAX);
        40.0 + f64::from(bars) * STEP
    }

    fn draw(&self, top: f64, svg: &mut String) {
        add(
            svg,
            format_args!(r#"<text class="panel" x="8" y="{}">{}</text>"#, top + 18.0, escape(&self.title)),
        );
        let reach = self.reach();
        let mut y = top + 28.0;
        for bar in &self.bars {
            let class = match bar.shade {
                Shade::Floor => "floor",
                Shade::Ours => "ours",
                Shade::Peer => "peer",
            };
            let share = self.scale.share(bar.value, reach);
            let width = share.min(1.0) * (WIDTH - NAMES - LABELS);
            let cut = if share > 1.0 { "… " } else { "" };
            add(
                svg,
                format_args!(
                    r#"<text class="name" x="{}" y="{}">{}</text><rect class="{class}" x="{NAMES}" y="{y}" width="{width:.1}" height="{BAR}" rx="2"/><text x="{:.1}" y="{}">{cut}{}</text>"#,
                    NAMES - 8.0,
                    y + 12.5,
                    escape(&bar.name),
                    NAMES + width + 6.0,
                    y + 12.5,
                    escape(&bar.label),
                ),
            );
            y += STEP;
        }
    }

    /// The value of the longest possible bar.
    fn reach(&self) -> f64 {
        let most = self.bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
        match self.scale {
            Scale::Logarithmic => most,
            Scale::Linear => {
                let mut values: Vec<f64> = self.bars.iter().map(|bar| bar.value).collect();
                values.sort_by(f64::total_cmp);
                let middle = values.get(values.len() / 2).copied().unwrap_or(most);
                most.min(middle * 3.0)
            }
        }
    }
}

impl Scale {
    /// The length of a bar as a fraction of the longest.
    fn share(self, value: f64, reach: f64) -> f64 {
        match self {
            Scale::Linear => value / reach,
            Scale::Logarithmic => value.max(1.0).ln() / reach.max(2.0).ln(),
        }
    }
}

fn add(svg: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a `String` does not fail.
    let _ = svg.write_fmt(text);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(value: f64) -> Bar {
        Bar { name: "a & b".to_owned(), value, label: format!("{value}"), shade: Shade::Ours }
    }

    #[test]
    fn a_bar_that_is_far_too_long_is_cut() {
        let panel = Panel {
            title: "16 B".to_owned(),
            scale: Scale::Linear,
            bars: vec![bar(5.0), bar(6.0), bar(7.0), bar(500.0)],
        };
        let svg = Plot { title: "µs".to_owned(), caption: "CPU < 1".to_owned(), panels: vec![panel] }.svg();
        assert!(svg.contains(">… 500</text>") && svg.contains(">7</text>"), "{svg}");
        assert!(svg.contains("a &amp; b") && svg.contains(">CPU &lt; 1</text>"));
    }
}
