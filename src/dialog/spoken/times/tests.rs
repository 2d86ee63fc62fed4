use super::super::words::Words;
use super::*;

fn heard(tongue: Tongue, said: &str) -> Option<String> {
    read(&Words::of(said).all(), tongue).map(|time| time.strftime("%H:%M").to_string())
}

#[test]
fn dutch_times() {
    for (said, time) in [
        ("half drie", "14:30"),
        ("om half drie graag", "14:30"),
        ("half acht", "07:30"),
        ("half zeven", "18:30"),
        ("zeven uur", "07:00"),
        ("half een", "12:30"),
        ("kwart voor vier", "15:45"),
        ("kwart over negen", "09:15"),
        ("kwart voor een", "12:45"),
        ("tien voor drie", "14:50"),
        ("vijf minuten over half drie", "14:35"),
        ("vijf voor half drie", "14:25"),
        ("drie uur", "15:00"),
        ("drie", "15:00"),
        ("tien uur", "10:00"),
        ("twaalf uur", "12:00"),
        ("drie uur 's nachts", "03:00"),
        ("drie uur 's middags", "15:00"),
        ("zeven uur 's avonds", "19:00"),
        ("acht uur 's ochtends", "08:00"),
        ("veertien uur dertig", "14:30"),
        ("veertien uur vijf", "14:05"),
        ("negen dertig", "09:30"),
        ("14:30", "14:30"),
        ("14.30 uur", "14:30"),
        ("02:30", "02:30"),
        ("2:30", "14:30"),
        ("middernacht", "00:00"),
    ] {
        assert_eq!(heard(Tongue::Dutch, said).as_deref(), Some(time), "{said}");
    }
}

#[test]
fn english_times() {
    for (said, time) in [
        ("quarter past two", "14:15"),
        ("a quarter to four", "15:45"),
        ("half past two pm", "14:30"),
        ("half past two a.m.", "02:30"),
        ("at ten past nine", "09:10"),
        ("twenty to four", "15:40"),
        ("two thirty", "14:30"),
        ("nine oh five", "09:05"),
        ("three o'clock", "15:00"),
        ("seven in the evening", "19:00"),
        ("twelve at night", "00:00"),
        ("fourteen thirty", "14:30"),
        ("2:30 p.m.", "14:30"),
        ("1430", "14:30"),
        ("noon", "12:00"),
    ] {
        assert_eq!(heard(Tongue::English, said).as_deref(), Some(time), "{said}");
    }
}

#[test]
fn what_is_no_time_is_not_understood() {
    for said in [
        "",
        "vijfentwintig uur",
        "25:00",
        "14:60",
        "half veertien",
        "kwart vier",
        "half",
        "twee vijf",
        "drie uur vier uur",
        "niet drie uur",
        "veertien uur 's ochtends",
        "nul",
    ] {
        let expected = (said == "nul").then_some("00:00");
        assert_eq!(heard(Tongue::Dutch, said).as_deref(), expected, "{said}");
    }
    for said in ["half two", "quarter two", "ten past", "thirty past", "two or three"] {
        assert_eq!(heard(Tongue::English, said), None, "{said}");
    }
}
