//! The accessor of a live instance: see `instrument` for what it is.

use wasmtime::Store;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower, TypedFunc, WasmList,
};

use super::super::cell::State;
use super::super::handles::Handle;
use super::super::instrument::ACCESSOR;
use super::WASM_PAGE;

/// What `memoryN-grow` says when there is no more memory to be had.
const REFUSED: u32 = u32::MAX;

/// Where a program's accessor has which function.
pub(super) struct Accessor {
    memories: Vec<MemoryFunctions>,
    globals: Option<GlobalFunctions>,
    /// In the order of [`Handle::ROOTS`].
    open: [Option<ComponentExportIndex>; 4],
    subscribe_input: Option<ComponentExportIndex>,
    subscribe_output: Option<ComponentExportIndex>,
    close_input: Option<ComponentExportIndex>,
    close_output: Option<ComponentExportIndex>,
    close_network: Option<ComponentExportIndex>,
    close_pollable: Option<ComponentExportIndex>,
}

struct MemoryFunctions {
    size: ComponentExportIndex,
    grow: ComponentExportIndex,
    read: ComponentExportIndex,
    write: ComponentExportIndex,
}

struct GlobalFunctions {
    get: ComponentExportIndex,
    set: ComponentExportIndex,
}

impl Accessor {
    /// None when the component has none.
    pub(super) fn of(component: &Component) -> Option<Self> {
        let instance = component.get_export_index(None, ACCESSOR)?;
        let find = |name: &str| component.get_export_index(Some(&instance), name);
        let memory = |number: u32| {
            Some(MemoryFunctions {
                size: find(&format!("memory{number}-size"))?,
                grow: find(&format!("memory{number}-grow"))?,
                read: find(&format!("memory{number}-read"))?,
                write: find(&format!("memory{number}-write"))?,
            })
        };
        let globals = || {
            Some(GlobalFunctions {
                get: find("globals-get")?,
                set: find("globals-set")?,
            })
        };
        Some(Self {
            memories: (0..).map_while(memory).collect(),
            globals: globals(),
            open: ["open-stdin", "open-stdout", "open-stderr", "open-network"].map(find),
            subscribe_input: find("subscribe-input"),
            subscribe_output: find("subscribe-output"),
            close_input: find("close-input"),
            close_output: find("close-output"),
            close_network: find("close-network"),
            close_pollable: find("close-pollable"),
        })
    }

    /// How many memories there are.
    pub(super) fn memories(&self) -> usize {
        self.memories.len()
    }

    /// The accessor of one instance.
    pub(super) fn reach<'a>(
        &'a self,
        store: &'a mut Store<State>,
        instance: &'a Instance,
    ) -> Reach<'a> {
        Reach {
            functions: self,
            store,
            instance,
        }
    }
}

/// Calls into one instance. An error means that the store is lost, as with any other call.
pub(super) struct Reach<'a> {
    functions: &'a Accessor,
    pub(super) store: &'a mut Store<State>,
    instance: &'a Instance,
}

impl Reach<'_> {
    fn function<P, R>(&mut self, index: &ComponentExportIndex) -> wasmtime::Result<TypedFunc<P, R>>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        self.instance.get_typed_func(&mut *self.store, index)
    }

    /// The size of a memory, in pages of WebAssembly.
    pub(super) async fn size(&mut self, memory: usize) -> wasmtime::Result<u32> {
        let size = self.function::<(), (u32,)>(&self.functions.memories[memory].size)?;
        let (pages,) = size.call_async(&mut *self.store, ()).await?;
        Ok(pages)
    }

    /// Makes a memory at least so large; false when that is refused.
    pub(super) async fn grow_to(&mut self, memory: usize, pages: u32) -> wasmtime::Result<bool> {
        let size = self.size(memory).await?;
        let Some(more) = pages.checked_sub(size).filter(|more| *more > 0) else {
            return Ok(true);
        };
        let grow = self.function::<(u32,), (u32,)>(&self.functions.memories[memory].grow)?;
        let (before,) = grow.call_async(&mut *self.store, (more,)).await?;
        Ok(before != REFUSED)
    }

    /// A memory as it lies there.
    pub(super) async fn memory(&mut self, memory: usize) -> wasmtime::Result<&[u8]> {
        let pages = self.size(memory).await?;
        if pages == 0 {
            return Ok(&[]);
        }
        let length = u32::try_from(pages as usize * WASM_PAGE)?;
        let read =
            self.function::<(u32, u32), (WasmList<u8>,)>(&self.functions.memories[memory].read)?;
        let (list,) = read.call_async(&mut *self.store, (0, length)).await?;
        Ok(list.as_le_slice(&*self.store))
    }

    /// Writes pieces into a memory, each at its address.
    pub(super) async fn write<'d>(
        &mut self,
        memory: usize,
        pieces: impl Iterator<Item = (u32, &'d [u8])>,
    ) -> wasmtime::Result<()> {
        let write = self.function::<(&[u8], u32), ()>(&self.functions.memories[memory].write)?;
        // Each call says where the next one writes; so the first writes nothing.
        let mut piece: &[u8] = &[];
        for (address, next) in pieces {
            write.call_async(&mut *self.store, (piece, address)).await?;
            piece = next;
        }
        write.call_async(&mut *self.store, (piece, 0)).await
    }

    /// All mutable globals, as bits.
    pub(super) async fn globals(&mut self) -> wasmtime::Result<Vec<u64>> {
        let Some(globals) = &self.functions.globals else {
            return Ok(Vec::new());
        };
        let get = self.function::<(), (Vec<u64>,)>(&globals.get)?;
        let (values,) = get.call_async(&mut *self.store, ()).await?;
        Ok(values)
    }

    /// Sets all mutable globals.
    pub(super) async fn set_globals(&mut self, values: &[u64]) -> wasmtime::Result<()> {
        let Some(globals) = &self.functions.globals else {
            return Ok(());
        };
        let set = self.function::<(&[u64],), ()>(&globals.set)?;
        set.call_async(&mut *self.store, (values,)).await
    }

    /// Some handle that the guest could open and close, if there is one.
    pub(super) fn any_root(&self) -> Option<Handle> {
        let usable = |root: &Handle| self.opener(*root).is_some() && self.closer(*root).is_some();
        Handle::ROOTS.into_iter().find(usable)
    }

    fn opener(&self, handle: Handle) -> Option<&ComponentExportIndex> {
        let place = Handle::ROOTS.iter().position(|root| *root == handle)?;
        self.functions.open[place].as_ref()
    }

    fn closer(&self, handle: Handle) -> Option<&ComponentExportIndex> {
        match handle {
            Handle::Stdin => self.functions.close_input.as_ref(),
            Handle::Stdout | Handle::Stderr => self.functions.close_output.as_ref(),
            Handle::Network => self.functions.close_network.as_ref(),
            Handle::Pollable { .. } => self.functions.close_pollable.as_ref(),
            Handle::Other => None,
        }
    }

    /// Opens a root, and tells its index.
    pub(super) async fn open(&mut self, root: Handle) -> wasmtime::Result<u32> {
        let open = *there(self.opener(root))?;
        let open = self.function::<(), (u32,)>(&open)?;
        let (index,) = open.call_async(&mut *self.store, ()).await?;
        Ok(index)
    }

    /// Opens a pollable of the stream at an index, and tells the pollable's.
    pub(super) async fn subscribe(&mut self, stream: Handle, at: u32) -> wasmtime::Result<u32> {
        let subscribe = if stream == Handle::Stdin {
            &self.functions.subscribe_input
        } else {
            &self.functions.subscribe_output
        };
        let subscribe = self.function::<(u32,), (u32,)>(there(subscribe.as_ref())?)?;
        let (index,) = subscribe.call_async(&mut *self.store, (at,)).await?;
        Ok(index)
    }

    /// Closes the handle at an index.
    pub(super) async fn close(&mut self, handle: Handle, at: u32) -> wasmtime::Result<()> {
        let close = *there(self.closer(handle))?;
        let close = self.function::<(u32,), ()>(&close)?;
        close.call_async(&mut *self.store, (at,)).await
    }
}

/// A guest that can hold a handle imports what made it, so the accessor has it as well.
fn there(index: Option<&ComponentExportIndex>) -> wasmtime::Result<&ComponentExportIndex> {
    index.ok_or_else(|| wasmtime::format_err!("the accessor has no function for this handle"))
}
