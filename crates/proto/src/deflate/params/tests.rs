use super::*;

fn read(params: &[(&str, Option<&str>)]) -> Result<Params, DeflateError> {
    let extension = params.iter().fold(Extension::new("permessage-deflate"), |extension, (name, value)| {
        extension.param(*name, *value)
    });
    Params::read(&extension)
}

fn invalid(param: &str, value: Option<&str>) -> Result<Params, DeflateError> {
    Err(DeflateError::InvalidValue { param: param.to_owned(), value: value.map(str::to_owned) })
}

#[test]
fn each_parameter_is_read_and_written() {
    let all = Params {
        server_takeover: Takeover::No,
        client_takeover: Takeover::No,
        server_window: WindowBits::new(8),
        client_window: WindowBits::new(15).map(ClientWindow::UpTo),
    };
    let text = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                server_max_window_bits=8; client_max_window_bits=15";
    assert_eq!(all.extension().to_string(), text);
    assert_eq!(Params::read(&all.extension()), Ok(all));

    let any = Params { client_window: Some(ClientWindow::Any), ..Params::default() };
    assert_eq!(any.extension().to_string(), "permessage-deflate; client_max_window_bits");
    assert_eq!(Params::read(&any.extension()), Ok(any));

    assert_eq!(read(&[]), Ok(Params::default()));
    assert_eq!(Params::default().extension().to_string(), "permessage-deflate");
}

#[test]
fn values_that_a_parameter_cannot_have() {
    for param in ["server_max_window_bits", "client_max_window_bits"] {
        for value in ["7", "16", "0", "08", "+9", "-9", "9.0", "0x9", "256", "99999999999999999999", "x"] {
            assert_eq!(read(&[(param, Some(value))]), invalid(param, Some(value)));
        }
    }
    assert_eq!(read(&[("server_max_window_bits", None)]), invalid("server_max_window_bits", None));
    for param in ["server_no_context_takeover", "client_no_context_takeover"] {
        for value in ["true", "1", "0"] {
            assert_eq!(read(&[(param, Some(value))]), invalid(param, Some(value)));
        }
    }
}

#[test]
fn parameters_that_are_unknown_or_stand_twice() {
    for name in ["server_max_windows_bits", "Server_No_Context_Takeover", "mode", "level"] {
        assert_eq!(read(&[(name, None)]), Err(DeflateError::UnknownParam(name.to_owned())));
    }
    for (name, first, second) in [
        ("server_no_context_takeover", None, None),
        ("client_no_context_takeover", None, None),
        ("server_max_window_bits", Some("10"), Some("10")),
        ("client_max_window_bits", None, Some("10")),
    ] {
        let other = ("server_max_window_bits", Some("9"));
        let between = if name == other.0 { ("client_max_window_bits", None) } else { other };
        let twice = read(&[(name, first), between, (name, second)]);
        assert_eq!(twice, Err(DeflateError::RepeatedParam(name.to_owned())));
    }
}

#[test]
fn other_extensions_are_not_read() {
    for name in ["permessage-bzip2", "Permessage-Deflate", "x-webkit-deflate-frame"] {
        let other = Err(DeflateError::OtherExtension(name.to_owned()));
        assert_eq!(Params::read(&Extension::new(name)), other);
    }
}

#[test]
fn errors_say_which_parameter_it_was() {
    let text = |error: Result<Params, DeflateError>| error.unwrap_err().to_string();
    assert_eq!(
        text(read(&[("server_max_window_bits", Some("7"))])),
        "permessage-deflate has \"7\" for server_max_window_bits"
    );
    assert_eq!(
        text(read(&[("server_max_window_bits", None)])),
        "permessage-deflate has no value for server_max_window_bits"
    );
    assert_eq!(text(read(&[("x", None)])), "permessage-deflate has no parameter \"x\"");
    assert_eq!(
        text(read(&[("client_max_window_bits", None), ("client_max_window_bits", None)])),
        "permessage-deflate has the parameter \"client_max_window_bits\" twice"
    );
    assert_eq!(text(Params::read(&Extension::new("x"))), "extension \"x\" is not permessage-deflate");
    assert_eq!(
        DeflateError::NotOffered { param: SERVER_MAX_WINDOW_BITS }.to_string(),
        "the permessage-deflate response does not match the offer in server_max_window_bits"
    );
}
