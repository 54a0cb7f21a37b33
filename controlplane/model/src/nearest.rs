//! "Did you mean …": the nearest of the known names. Pure.

/// The known name that is nearest to `name`, when one is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may be wrong; more than that is another word.
    let limit = (name.chars().count() / 3).max(1);
    // Nobody's typing error is longer; the work is the product of both lengths.
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

const NAME_BYTES_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_meant() {
        let known = ["timeout_ms", "path", "service"];
        for (name, meant) in [
            ("timeout", None),
            ("timeuot_ms", Some("timeout_ms")),
            ("pth", Some("path")),
            ("servcie", Some("service")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), meant, "{name}");
        }
    }
}
