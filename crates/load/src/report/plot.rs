//! Plots as SVG.

use std::fmt::Write as _;

use super::text;

/// A line of a plot.
#[derive(Debug)]
pub(super) struct Curve<'l> {
    pub(super) label: &'l str,
    /// Points from left to right.
    pub(super) points: Vec<(f64, f64)>,
}

/// How numbers become places on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// In proportion, from 0.
    Linear,
    /// By their logarithm.
    Logarithmic,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 32.0;
const TOP: f64 = 12.0;
const RIGHT: f64 = 110.0;

/// The height of a label.
const LABEL: f64 = 13.0;

/// The colours of the lines, in turn.
const CLASSES: [&str; 4] = ["a", "b", "c", "d"];

/// A plot of these lines. `ticks` are marked below.
pub(super) fn plot(title: &str, lines: &[Curve<'_>], scale: Scale, ticks: &[(f64, String)]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let finite = |values: Vec<f64>| values.into_iter().filter(|value| value.is_finite()).collect::<Vec<_>>();
    let xs = finite(points().map(|point| point.0).collect());
    let ys = finite(points().map(|point| point.1).collect());
    let (Some((left, right)), Some((least, most))) = (extent(&xs), extent(&ys)) else { return String::new() };
    let low = if scale == Scale::Linear { 0.0 } else { least.max(most / 1e6).max(1e-3) };
    let high = if most > low { most * 1.05 } else { low + 1.0 };
    let x =
        |value: f64| LEFT + (value - left) / (right - left).max(f64::MIN_POSITIVE) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| {
        let share = match scale {
            Scale::Linear => (value - low) / (high - low),
            Scale::Logarithmic => (value.max(low) / low).ln() / (high / low).ln(),
        };
        HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
    };
    let mut svg = format!(
        "<figure><figcaption>{title}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">"
    );
    for value in marks(low, high, scale) {
        let at = y(value);
        let _infallible = write!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            number(value)
        );
    }
    for (value, label) in ticks.iter().filter(|(value, _)| (left..=right).contains(value)) {
        let _infallible = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
            x(*value),
            HEIGHT - 10.0
        );
    }
    for (line, class) in lines.iter().zip(CLASSES.into_iter().cycle()) {
        let path = line.points.iter().filter(|(at, value)| at.is_finite() && value.is_finite());
        let path: Vec<String> = path.map(|(at, value)| format!("{:.1} {:.1}", x(*at), y(*value))).collect();
        let _infallible = write!(svg, "<path class=\"line {class}\" d=\"M{}\"/>", path.join("L"));
    }
    let ends: Vec<f64> = lines.iter().map(|line| line.points.last().map_or(0.0, |end| y(end.1))).collect();
    for ((line, class), at) in lines.iter().zip(CLASSES.into_iter().cycle()).zip(apart(&ends)) {
        let (left, at) = (WIDTH - RIGHT + 6.0, at + 4.0);
        let _infallible =
            write!(svg, "<text class=\"{class}\" x=\"{left:.1}\" y=\"{at:.1}\">{}</text>", line.label);
    }
    svg.push_str("</svg></figure>\n");
    svg
}

/// Moves labels down so that none covers another.
fn apart(places: &[f64]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = places.iter().copied().enumerate().collect();
    order.sort_by(|one, other| one.1.total_cmp(&other.1));
    let mut least = f64::MIN;
    for (_, place) in &mut order {
        *place = place.max(least);
        least = *place + LABEL;
    }
    order.sort_by_key(|(number, _)| *number);
    order.into_iter().map(|(_, place)| place).collect()
}

fn extent(values: &[f64]) -> Option<(f64, f64)> {
    let least = values.iter().copied().reduce(f64::min)?;
    Some((least, values.iter().copied().reduce(f64::max)?))
}

/// The values that are marked on the axis.
fn marks(low: f64, high: f64, scale: Scale) -> Vec<f64> {
    match scale {
        Scale::Linear => {
            let rough = (high - low) / 4.0;
            let power = 10_f64.powf(rough.log10().floor());
            let step = [1.0, 2.0, 5.0, 10.0].map(|part| part * power).into_iter().find(|step| *step >= rough);
            let step = step.unwrap_or(rough);
            std::iter::successors(Some(low), |mark| Some(mark + step))
                .take_while(|mark| *mark <= high)
                .take(8)
                .collect()
        }
        Scale::Logarithmic => {
            let first = 10_f64.powf(low.log10().ceil());
            let marks: Vec<f64> = std::iter::successors(Some(first), |mark| Some(mark * 10.0))
                .take_while(|mark| *mark <= high)
                .collect();
            if marks.len() < 2 { vec![low, high] } else { marks }
        }
    }
}

fn number(value: f64) -> String {
    if value >= 1000.0 {
        text::thousands_of(value)
    } else if value >= 10.0 || value == 0.0 {
        format!("{value:.0}")
    } else {
        text::time(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_apart_and_in_order() {
        assert_eq!(apart(&[50.0, 52.0, 10.0]), [50.0, 63.0, 10.0]);
        assert_eq!(apart(&[52.0, 50.0, 51.0]), [76.0, 50.0, 63.0]);
    }
}
