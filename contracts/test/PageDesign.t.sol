// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PageStore} from "../src/lib/PageStore.sol";
import {PageBuilder, Route} from "./PageBuilder.sol";
import {Test} from "./Test.sol";

/// @dev What both designs share: one word says where the table is and how many pages it has, and a read of it is cold
/// at the start of a transaction. Gas is measured inside, so that it is that of the step alone.
abstract contract PageDesign {
    uint256 private table;

    function activate(address table_, uint256 pages) external {
        table = (pages << 160) | uint160(table_);
    }

    function find(bytes4 selector) external view returns (address facet, uint256 used) {
        uint256 before = gasleft();
        uint256 word = table;
        uint256 pages = word >> 160;
        address page = pageOf(address(uint160(word)), pages, uint32(selector) % pages);
        facet = lookup(page, uint32(selector));
        used = before - gasleft();
    }

    function store(bytes32 root, uint256 index, bytes calldata page) external returns (address stored, uint256 used) {
        uint256 before = gasleft();
        stored = create(root, index, page);
        used = before - gasleft();
    }

    /// @dev As `Router.route` reads a page.
    function lookup(address page, uint256 selector) private view returns (address facet) {
        assembly ("memory-safe") {
            let head := mload(0x40)
            extcodecopy(page, head, 0, 539)
            let header := mload(head)
            let n := byte(3, header)
            let b := div(add(n, 2), 3)
            let h := mulmod(selector, byte(4, header), 4294967311)
            let displacement := byte(0, mload(add(add(head, 5), mod(h, b))))
            let i := mod(mulmod(h, add(displacement, 1), 4294967311), n)
            let entries := add(5, b)
            let entry := mload(add(head, add(entries, mul(i, 5))))
            if eq(shr(224, entry), selector) {
                let start := add(add(entries, mul(n, 5)), mul(byte(4, entry), 52))
                facet := add(head, start)
                if gt(start, 487) {
                    facet := head
                    extcodecopy(page, facet, start, 52)
                }
                facet := shr(96, mload(facet))
            }
        }
    }

    function pageOf(address table_, uint256 pages, uint256 index) internal view virtual returns (address);

    function create(bytes32 root, uint256 index, bytes calldata page) internal virtual returns (address);
}

/// @dev Design A: constant init code asks for the bytes, which wait in transient storage; the address follows from root
/// and index.
contract ConstantInitCode is PageDesign {
    function pageOf(address table_, uint256, uint256 index) internal view override returns (address) {
        return index == 0 ? table_ : PageStore.sibling(table_, index);
    }

    function create(bytes32 root, uint256 index, bytes calldata page) internal override returns (address) {
        require(PageStore.addressOf(root, index).code.length == 0, "staged");
        return PageStore.create(PageStore.salt(root, index), page);
    }

    function stagingPage() external view {
        PageStore.answer();
    }
}

/// @dev Design B: the init code carries the bytes, and the address follows from them. The table of one page is the
/// page; of several, a directory: code of a zero byte and an address for each page.
contract CarriedInitCode is PageDesign {
    function pageOf(address table_, uint256 pages, uint256 index) internal view override returns (address page) {
        if (pages == 1) return table_;
        assembly ("memory-safe") {
            extcodecopy(table_, 0, add(1, mul(20, index)), 20)
            page := shr(96, mload(0))
        }
    }

    function create(bytes32, uint256, bytes calldata page) internal override returns (address stored) {
        // PUSH2 length, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN: ten bytes, then the page
        bytes memory initCode = abi.encodePacked(hex"61", uint16(page.length), hex"80600a5f395ff3", page);
        stored = address(
            uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), bytes32(0), keccak256(initCode)))))
        );
        require(stored.code.length == 0, "staged");
        assembly ("memory-safe") {
            stored := create2(0, add(initCode, 0x20), mload(initCode), 0)
        }
    }
}

/// @dev The figures for the decision between two ways of storing pages. Set-up is a transaction of its own, so each
/// address and slot is cold when a test first reads it, as in a transaction of its own.
contract PageDesignTest is Test {
    event log_named_uint(string key, uint256 value);

    uint256 private constant COLD_ACCOUNT = 2600;
    bytes32 private constant ROOT = keccak256("routes");

    ConstantInitCode private a1 = new ConstantInitCode();
    ConstantInitCode private a6 = new ConstantInitCode();
    CarriedInitCode private b1 = new CarriedInitCode();
    CarriedInitCode private b6 = new CarriedInitCode();

    bytes private page1;
    bytes private page50;
    bytes private page100;
    bytes[] private six;
    bytes private directory;

    function setUp() public {
        page1 = PageBuilder.page(routesOf(1), 1, 0);
        page50 = PageBuilder.page(routesOf(50), 1, 0);
        page100 = PageBuilder.page(routesOf(100), 1, 0);

        (address first,) = a1.store(ROOT, 0, page50);
        a1.activate(first, 1);
        (first,) = b1.store(ROOT, 0, page50);
        b1.activate(first, 1);

        Route[] memory routes = routesOf(300);
        directory = hex"00";
        for (uint256 i = 0; i < 6; ++i) {
            six.push(PageBuilder.page(PageBuilder.select(routes, 6, i), 6, i));
            (address page,) = a6.store(ROOT, i, six[i]);
            if (i == 0) a6.activate(page, 6);
            (page,) = b6.store(ROOT, i, six[i]);
            directory = bytes.concat(directory, bytes20(page));
        }
        (first,) = b6.store(ROOT, 0, directory);
        b6.activate(first, 6);
    }

    function routesOf(uint256 n) private pure returns (Route[] memory routes) {
        routes = new Route[](n);
        for (uint256 i = 0; i < n; ++i) {
            routes[i] = Route(bytes4(keccak256(abi.encode(i))), address(0xFACE7), keccak256("code"));
        }
    }

    function measureStore(PageDesign design, bytes memory page, string memory key) private returns (uint256 used) {
        address account;
        (account, used) = design.store(keccak256(page), 0, page);
        assertEq(account.code, page, "stored bytes");
        emit log_named_uint(key, used);
    }

    function measureFind(PageDesign design, bytes4 selector, string memory key) private returns (uint256 used) {
        address facet;
        (facet, used) = design.find(selector);
        assertEq(facet, address(0xFACE7), "facet");
        emit log_named_uint(key, used);
    }

    /// @dev The detour through transient storage costs more than carrying the bytes, and grows with them.
    function test_store_gas() public {
        ConstantInitCode a = new ConstantInitCode();
        CarriedInitCode b = new CarriedInitCode();
        uint256 more1 = measureStore(a, page1, "A  store a page of 1 route   ")
            - measureStore(b, page1, "B  store a page of 1 route   ");
        uint256 more50 = measureStore(a, page50, "A  store a page of 50 routes ")
            - measureStore(b, page50, "B  store a page of 50 routes ");
        uint256 more100 = measureStore(a, page100, "A  store a page of 100 routes")
            - measureStore(b, page100, "B  store a page of 100 routes");
        assertTrue(more1 < more50 && more50 < more100, "grows with the page");
        // tstore and tload of each word
        assertTrue(more100 >= 200 * (page100.length / 32), "transient storage");
    }

    function test_find_gas() public {
        bytes4 selector = selectorOn(50, 1, 0);
        bytes4 later = selectorOn(300, 6, 3);
        uint256 usedA1 = measureFind(a1, selector, "A  find a route, 1 page      ");
        uint256 usedB1 = measureFind(b1, selector, "B  find a route, 1 page      ");
        uint256 usedA6 = measureFind(a6, later, "A  find a route, 6 pages     ");
        uint256 usedB6 = measureFind(b6, later, "B  find a route, 6 pages     ");

        assertTrue(usedA1 >= 2100 + COLD_ACCOUNT, "the state word and the page were cold");
        assertTrue(usedA6 >= 2100 + COLD_ACCOUNT, "the state word and the page were cold");
        assertTrue(usedB6 >= usedB1 + COLD_ACCOUNT, "a directory is one more cold account");
        assertTrue(usedB6 >= usedA6 + 2000, "to compute an address costs far less than to read it");
    }

    /// @dev What B saves: an unchanged page survives into the next manifest, which then costs a page and a directory.
    function test_changeOneOfSixPages_gas() public {
        uint256 usedA;
        ConstantInitCode a = new ConstantInitCode();
        for (uint256 i = 0; i < 6; ++i) {
            (, uint256 used) = a.store(ROOT, i, six[i]);
            usedA += used;
        }
        CarriedInitCode b = new CarriedInitCode();
        (, uint256 usedPage) = b.store(ROOT, 0, six[0]);
        (, uint256 usedDirectory) = b.store(ROOT, 0, directory);
        emit log_named_uint("A  store 6 pages of about 50 ", usedA);
        emit log_named_uint("B  store 1 of them           ", usedPage);
        emit log_named_uint("B  store a directory of 6    ", usedDirectory);
        assertTrue(usedDirectory >= 32_000 + 200 * directory.length, "a directory is a creation");
        assertTrue(usedPage + usedDirectory < usedA, "an unchanged page is not stored again");
    }

    function selectorOn(uint256 n, uint256 pages, uint256 index) private pure returns (bytes4) {
        return PageBuilder.select(routesOf(n), pages, index)[0].selector;
    }
}
