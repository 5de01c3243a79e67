use super::*;

fn vendored(packages: &[(&str, &[&str])]) -> Vendored {
    Vendored {
        folder: PathBuf::new(),
        packages: packages
            .iter()
            .map(|(name, needs)| {
                let package = Package {
                    title: format!("{name} 1"),
                    needs: needs.iter().map(|need| (*need).to_owned()).collect(),
                    files: Vec::new(),
                };
                ((*name).to_owned(), package)
            })
            .collect(),
    }
}

#[test]
fn what_pip_wrote_is_read() {
    let metadata = "Metadata-Version: 2.4\nName: Ruamel.YAML\nVersion: 1.2\nRequires-Dist: typing_extensions>=4\n\
        Requires-Dist: numpy ; extra == 'fast'\n\nName: not-this\n";
    let record = "ruamel/yaml.py,sha256=x,1\n\"odd, name.py\",,\n../../bin/tool,,\n/etc/passwd,,\nfast.cpython-313-x86_64-linux-gnu.so,,\n";
    let (name, package) = Package::parse(metadata, record).unwrap();
    assert_eq!(name, "ruamel-yaml");
    assert_eq!(package.title, "ruamel-yaml 1.2");
    assert_eq!(
        package.needs,
        BTreeSet::from(["typing-extensions".to_owned()])
    );
    let files = [
        "ruamel/yaml.py",
        "odd, name.py",
        "fast.cpython-313-x86_64-linux-gnu.so",
    ];
    assert_eq!(package.files, files.map(PathBuf::from));
    assert!(is_native(&package.files[2]) && !is_native(&package.files[0]));
    assert!(is_native(Path::new("numpy.libs/libopenblas.so.0")));
    assert!(Package::parse("Version: 1\n", "").is_none());
}

#[test]
fn what_only_brought_packages_need_goes_with_them() {
    let vendored = vendored(&[
        ("own", &["shared", "pure"]),
        ("pure", &[]),
        ("aiohttp", &["yarl", "shared"]),
        ("yarl", &["multidict"]),
        ("multidict", &[]),
        ("shared", &[]),
        ("ring", &["back"]),
        ("back", &["ring"]),
    ]);
    let brought = ["aiohttp", "boto3"].map(str::to_owned).into();
    let dropped = vendored.only_for(&brought);
    let expected = ["aiohttp", "multidict", "yarl"].map(str::to_owned).into();
    assert_eq!(dropped, expected);
}
