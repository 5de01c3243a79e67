use std::error::Error;
use std::fs;

use super::Project;

#[test]
fn a_file_in_src_belongs_to_the_package_above() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let package = folder.path().canonicalize()?;
    fs::create_dir(package.join("src"))?;
    let entry = package.join("src/main.cts");
    fs::write(&entry, "")?;
    assert_eq!(Project::find(&entry)?.folder, package.join("src"));

    fs::write(package.join("package.json"), "{}")?;
    let project = Project::find(&entry)?;
    assert_eq!(
        (project.folder, project.entry, project.name.as_str()),
        (package, entry, "main")
    );
    Ok(())
}
