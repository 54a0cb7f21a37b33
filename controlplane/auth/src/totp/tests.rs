//! Codes against the RFC's vectors, single use, and what people type.

use proptest::prelude::*;

use super::*;

/// The secret of the test vectors in RFC 6238, appendix B.
fn secret() -> TotpSecret {
    TotpSecret::from_bytes(b"12345678901234567890").unwrap()
}

fn at(unix_seconds: i64) -> Timestamp {
    Timestamp::from_unix_us(unix_seconds * 1_000_000)
}

fn code_at(unix_seconds: i64) -> String {
    format!(
        "{:06}",
        secret().code(unix_seconds.div_euclid(STEP_SECONDS))
    )
}

#[test]
fn codes_are_those_of_the_rfc() {
    for (seconds, eight_digits) in [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ] {
        // We give the last six of them.
        let (_, digits) = eight_digits.split_at(2);
        assert_eq!(code_at(seconds), digits, "{seconds}");
        let accepted = secret().accept(digits, None, at(seconds));
        assert_eq!(accepted, Ok(TotpStep(seconds / 30)));
    }
}

#[test]
fn a_code_is_good_for_a_step_to_either_side() {
    let now = 1_800_000_000;
    for (off, is_good) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
        let accepted = secret().accept(&code_at(now + off * 30), None, at(now));
        assert_eq!(accepted.is_ok(), is_good, "{off}");
        if !is_good {
            assert_eq!(accepted, Err(TotpRefused::Wrong));
        }
    }
}

#[test]
fn a_code_is_accepted_once_and_no_older_one_after_it() {
    let now = 1_800_000_000;
    let first = secret().accept(&code_at(now), None, at(now)).unwrap();
    for typed in [code_at(now), code_at(now - 30)] {
        let again = secret().accept(&typed, Some(first), at(now));
        assert_eq!(again, Err(TotpRefused::Used));
    }
    let next = secret()
        .accept(&code_at(now + 30), Some(first), at(now + 30))
        .unwrap();
    assert!(next > first);
}

#[test]
fn what_is_typed_may_have_spaces_and_nothing_else() {
    let now = 1_800_000_000;
    let code = code_at(now);
    let (start, end) = code.split_at(3);
    let spaced = format!(" {start} {end} ");
    assert!(secret().accept(&spaced, None, at(now)).is_ok());
    for bad in [
        "",
        "12345",
        "1234567",
        "12345a",
        "+12345",
        "-12345",
        "１２３４５６",
        &" ".repeat(99),
    ] {
        assert_eq!(
            secret().accept(bad, None, at(now)),
            Err(TotpRefused::Malformed),
            "{bad}"
        );
    }
}

#[test]
fn the_uri_is_what_authenticators_read() {
    let uri = secret().uri("Bascule: prod", "ana@example.com");
    assert_eq!(
        uri.expose(),
        "otpauth://totp/Bascule%3A%20prod:ana%40example.com\
         ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
         &issuer=Bascule%3A%20prod&algorithm=SHA1&digits=6&period=30"
    );
    assert_eq!(secret().text().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert!(!format!("{:?}{uri:?}", secret()).contains("GEZD"));
}

#[test]
fn secrets_are_random_and_of_one_length() {
    let (one, other) = (TotpSecret::make().unwrap(), TotpSecret::make().unwrap());
    assert_ne!(one.as_bytes(), other.as_bytes());
    assert!(TotpSecret::from_bytes(one.as_bytes()).is_some());
    assert!(TotpSecret::from_bytes(&[7; 19]).is_none());
}

#[test]
fn a_recovery_code_works_once() {
    let (codes, mut kept) = RecoveryCodes::make().unwrap();
    assert_eq!((codes.len(), kept.left()), (10, 10));
    let shape: Vec<usize> = codes[0].expose().split('-').map(str::len).collect();
    assert_eq!(shape, [4, 4, 4, 4]);
    assert!(!kept.redeem("aaaa-bbbb-cccc-dddd"));
    assert!(!kept.redeem(""));
    // Typed in upper case and without dashes, as from paper.
    let typed = codes[3].expose().to_uppercase().replace('-', " ");
    assert!(kept.redeem(&typed));
    assert!(!kept.redeem(&typed));
    assert_eq!(kept.left(), 9);
    for (at, code) in codes.iter().enumerate() {
        assert_eq!(kept.redeem(code.expose()), at != 3);
    }
    assert_eq!(kept.left(), 0);
}

proptest! {
    #[test]
    fn a_code_of_another_time_is_refused(now in 0_i64..4_000_000_000, off in 2_i64..1_000_000) {
        let step = now.div_euclid(STEP_SECONDS);
        for other in [step - off, step + off] {
            let code = secret().code(other);
            // One in 300,000 is right by chance.
            let is_chance = (step - 1..=step + 1).any(|near| secret().code(near) == code);
            let accepted = secret().accept(&format!("{code:06}"), None, at(now));
            prop_assert_eq!(accepted.is_ok(), is_chance);
        }
    }

    #[test]
    fn steps_only_grow(times in prop::collection::vec(0_i64..10_000, 1..50)) {
        let mut last = None;
        for time in times {
            if let Ok(step) = secret().accept(&code_at(time), last, at(time)) {
                prop_assert!(last.is_none_or(|last| step > last));
                last = Some(step);
            }
        }
    }

    #[test]
    fn whatever_is_typed_is_answered(typed in "\\PC{0,40}", now in any::<i64>()) {
        secret().accept(&typed, None, Timestamp::from_unix_us(now)).ok();
        prop_assert!(!RecoveryCodes::make().unwrap().1.redeem(&typed));
    }
}
