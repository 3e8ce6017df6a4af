//! The figures as people read them: tables, growth, limits.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::measure::Cost;
use super::plan::Step;
use super::shape::Shape;

/// Figures of one shape: by step, then by number of instances. None: cut off or ended wrongly.
pub type Figures = BTreeMap<Step, BTreeMap<usize, Option<Cost>>>;

/// Ten times the instances may cost at most this many times the processor time.
const GROWTH: f64 = 12.0;
/// Below this much processor time, start-up hides the growth.
const MEASURABLE_S: f64 = 0.02;
/// Most memory of a plan of 100,000 instances.
const PLAN_PEAK_MIB: f64 = 1024.0;

/// The table of one shape.
#[must_use]
pub fn shape(shape: Shape, figures: &Figures) -> String {
    let mut sizes: Vec<usize> = figures.values().flat_map(BTreeMap::keys).copied().collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut text = format!("\n### {}\n\nWall s / CPU s / peak MiB, medians.\n\n| step |", shape.name());
    for size in &sizes {
        put(&mut text, format_args!(" {} |", thousands(*size)));
    }
    let grown = sizes.windows(2).filter(|pair| matches!(pair, [a, b] if *b == *a * 10));
    let grown: Vec<(usize, usize)> = grown.filter_map(|pair| Some((*pair.first()?, *pair.last()?))).collect();
    for (from, to) in &grown {
        put(&mut text, format_args!(" CPU {} to {} |", thousands(*from), thousands(*to)));
    }
    put(&mut text, format_args!("\n|---|{}\n", "---|".repeat(sizes.len() + grown.len())));
    for (step, costs) in figures {
        put(&mut text, format_args!("| {} |", step.name()));
        for size in &sizes {
            put(&mut text, format_args!(" {} |", costs.get(size).map_or_else(String::new, cell)));
        }
        for (from, to) in &grown {
            put(&mut text, format_args!(" {} |", growth_cell(costs, *from, *to)));
        }
        text.push('\n');
    }
    text
}

fn cell(cost: &Option<Cost>) -> String {
    match cost {
        Some(cost) => format!("{:.2} / {:.2} / {:.0}", cost.wall_s, cost.cpu_s, cost.peak_mib),
        None => "failed".to_owned(),
    }
}

fn growth_cell(costs: &BTreeMap<usize, Option<Cost>>, from: usize, to: usize) -> String {
    match growth(costs, from, to) {
        Some(growth) if growth > GROWTH => format!("x{growth:.1} over x{GROWTH:.0}"),
        Some(growth) => format!("x{growth:.1}"),
        None => String::new(),
    }
}

/// Processor time of `to` instances as a multiple of that of `from`.
fn growth(costs: &BTreeMap<usize, Option<Cost>>, from: usize, to: usize) -> Option<f64> {
    let cpu = |size| costs.get(&size).copied().flatten().map(|cost| cost.cpu_s);
    let (from, to) = (cpu(from)?, cpu(to)?);
    (from >= MEASURABLE_S).then(|| to / from)
}

/// Limits that the figures break, and commands that failed, a line each.
#[must_use]
pub fn broken(shape: Shape, figures: &Figures) -> Vec<String> {
    let mut broken = Vec::new();
    for (step, costs) in figures {
        for (size, cost) in costs {
            let name = format!("{}, {}, {}", shape.name(), step.name(), thousands(*size));
            let Some(cost) = cost else {
                broken.push(format!("{name}: failed or cut off"));
                continue;
            };
            if let Some(limit) = cpu_limit(shape, *step, *size)
                && cost.cpu_s > limit
            {
                broken.push(format!("{name}: {:.2} CPU s, {limit:.0} allowed", cost.cpu_s));
            }
            if *size == 100_000 && is_plan(*step) && cost.peak_mib > PLAN_PEAK_MIB {
                broken.push(format!("{name}: {:.0} MiB, {PLAN_PEAK_MIB:.0} allowed", cost.peak_mib));
            }
        }
        if let Some(growth) = growth(costs, 10_000, 100_000)
            && growth > GROWTH
        {
            broken.push(format!(
                "{}, {}: x{growth:.1} from 10,000 to 100,000, x{GROWTH:.0} allowed",
                shape.name(),
                step.name()
            ));
        }
    }
    broken
}

fn is_plan(step: Step) -> bool {
    matches!(step, Step::ColdPlan | Step::NoopPlan)
}

/// The most processor time a step may take, in seconds.
fn cpu_limit(shape: Shape, step: Step, size: usize) -> Option<f64> {
    match (step, size) {
        (Step::ColdPlan | Step::NoopPlan, 100_000) => Some(if shape == Shape::Flat { 8.0 } else { 4.0 }),
        (Step::Apply, 10_000) => Some(3.0),
        _ => None,
    }
}

/// Two binaries side by side for one shape and size.
#[must_use]
pub fn comparison(shape: Shape, size: usize, rows: &[(Step, Option<Cost>, Option<Cost>)]) -> String {
    let mut text = format!(
        "\n### {}, {}\n\n| step | A: wall s / CPU s / MiB | B | CPU B / A |\n|---|---|---|---|\n",
        shape.name(),
        thousands(size)
    );
    for (step, a, b) in rows {
        let ratio = match (a, b) {
            (Some(a), Some(b)) if a.cpu_s > 0.0 => format!("x{:.2}", b.cpu_s / a.cpu_s),
            _ => String::new(),
        };
        put(&mut text, format_args!("| {} | {} | {} | {ratio} |\n", step.name(), cell(a), cell(b)));
    }
    text
}

/// `12345` as `12,345`.
#[must_use]
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(cpu: &[(usize, Option<f64>)]) -> Figures {
        let cost = |cpu_s: f64| Cost { wall_s: 0.5, cpu_s, peak_mib: 2000.0 };
        let costs = cpu.iter().map(|(size, cpu_s)| (*size, cpu_s.map(cost))).collect();
        BTreeMap::from([(Step::ColdPlan, costs)])
    }

    #[test]
    fn table_has_a_column_for_each_size_and_each_growth() {
        let text = shape(Shape::Flat, &figures(&[(1000, Some(0.1)), (10_000, Some(1.0)), (100_000, Some(13.0))]));
        assert!(
            text.contains("| step | 1,000 | 10,000 | 100,000 | CPU 1,000 to 10,000 | CPU 10,000 to 100,000 |"),
            "{text}"
        );
        assert!(text.contains("| 0.50 / 13.00 / 2000 | x10.0 | x13.0 over x12 |"), "{text}");
    }

    #[test]
    fn broken_limits_are_named() {
        let found = broken(Shape::Count, &figures(&[(1000, None), (10_000, Some(0.1)), (100_000, Some(5.0))]));
        assert_eq!(
            found,
            [
                "count, plan, cold, 1,000: failed or cut off",
                "count, plan, cold, 100,000: 5.00 CPU s, 4 allowed",
                "count, plan, cold, 100,000: 2000 MiB, 1024 allowed",
                "count, plan, cold: x50.0 from 10,000 to 100,000, x12 allowed",
            ]
        );
    }

    #[test]
    fn start_up_time_makes_no_growth() {
        let found = broken(Shape::Flat, &figures(&[(10_000, Some(0.001)), (100_000, Some(1.0))]));
        assert_eq!(found, ["flat, plan, cold, 100,000: 2000 MiB, 1024 allowed"]);
    }

    #[test]
    fn numbers_have_groups_of_three() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
