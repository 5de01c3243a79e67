use super::fixtures::Place;
use crate::journal::Error;

#[tokio::test]
async fn g27_a_journal_whose_thread_panicked_says_so_and_opens_again_at_the_next_start() {
    let place = Place::new();
    let (journal, store) = place.open_store();
    assert!(journal.is_open());
    let visited = store.visit(|_| panic!("on the writer's thread")).await;
    assert!(matches!(visited, Err(Error::Closed)), "{visited:?}");
    // The queue goes with the thread, a moment later.
    while journal.is_open() {
        tokio::task::yield_now().await;
    }
    let refused = store.visit(|_| ()).await;
    assert!(matches!(refused, Err(Error::Closed)), "{refused:?}");
    drop((journal, store));
    assert!(place.open().is_open());
}
