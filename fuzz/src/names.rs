use pchat::{room::normal_form, trust::HostAddr, view::filter::clean, wire::MAX_NAME_LEN, words::quote};

/// Any text as the name of a member and as the address of a room.
pub fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    name(&text);
    address(&text);
}

fn name(text: &str) {
    let name = match normal_form(text) {
        Ok(name) => name,
        Err(error) => {
            assert!(error.to_string().lines().count() <= 1);
            return;
        }
    };
    assert_eq!(normal_form(&name).as_ref(), Ok(&name), "the normal form is not normal");
    assert!((1..=MAX_NAME_LEN).contains(&name.len()));
    assert_eq!(clean(&name), name, "a name does not show as it is");
    assert_eq!(quote(&name), name, "a name is not one word");
    assert!(!name.contains(|c: char| c.is_whitespace() || c.is_control() || ":/<>()[]*@#|".contains(c)), "{name:?}");
}

fn address(text: &str) {
    let address: HostAddr = match text.parse() {
        Ok(address) => address,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let shown = address.to_string();
    assert_eq!(shown.parse().as_ref(), Ok(&address), "an address does not read as it is written");
    assert!(address.port() != 0 && !address.host().is_empty());
    // The zone of an IPv6 address is the name of an interface, whose case counts.
    let plain = address.host().split('%').next().unwrap_or_default();
    assert!(plain.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()), "{shown:?}");
    assert!(!shown.contains(|c: char| c.is_whitespace() || c.is_control()), "an address breaks a line: {shown:?}");
    let moved = address.with_port(1);
    assert_eq!((moved.host(), moved.port()), (address.host(), 1));
}
