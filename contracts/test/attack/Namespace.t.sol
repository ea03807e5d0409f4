// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {GuardedFacet} from "../Facets.sol";
import {Manifest, PageBuilder, Route} from "../PageBuilder.sol";
import {AttackTest} from "./AttackTest.sol";
import {ClaimableFacet} from "./Attackers.sol";

/// @dev Facets that bring OpenZeppelin's roles, pause and owner, and let anybody use them: those of the dispatcher are
/// others, because they are stored elsewhere.
contract NamespaceTest is AttackTest {
    function goLiveWithOpenFacets() private {
        address guarded = address(new GuardedFacet());
        Route[] memory routes = new Route[](4);
        routes[0] = routeTo(GuardedFacet.grantOwn.selector, guarded);
        routes[1] = routeTo(GuardedFacet.pauseOwn.selector, guarded);
        routes[2] = routeTo(GuardedFacet.pausedOwn.selector, guarded);
        routes[3] = routeTo(ClaimableFacet.claim.selector, address(new ClaimableFacet()));
        goLive(PageBuilder.build(routes, 1));
    }

    // ---- AccessControl and Pausable ----

    function takeFacetRoles() private {
        goLiveWithOpenFacets();
        GuardedFacet facet = GuardedFacet(address(dispatcher));
        facet.grantOwn(ADMIN_ROLE, stranger);
        facet.grantOwn(EMERGENCY_ROLE, stranger);
    }

    function test_facetRoles_isRefused() public {
        takeFacetRoles();
        GuardedFacet(address(dispatcher)).pauseOwn();
        assertTrue(GuardedFacet(address(dispatcher)).pausedOwn(), "the facet is paused");
        assertTrue(!dispatcher.paused(), "the dispatcher is not");
        assertTrue(!dispatcher.hasRole(ADMIN_ROLE, stranger), "role of the dispatcher");
        vm.expectRevert(unauthorized(stranger, ADMIN_ROLE));
        vm.prank(stranger);
        dispatcher.grantRole(COMMIT_ROLE, stranger);
    }

    function test_facetRoles_succeedsWhenTheyAreStoredWhereAccessControlDoes() public {
        weaken("RolesOfAccessControl");
        takeFacetRoles();
        assertTrue(dispatcher.hasRole(ADMIN_ROLE, stranger), "role of the dispatcher");
        vm.prank(stranger);
        dispatcher.grantRole(COMMIT_ROLE, stranger);
        commitAs(stranger, keccak256("the stranger's own"), 2);
    }

    // ---- Ownable ----

    /// @dev The new owner is a page, on which a thief answers.
    function claimForAPage() private {
        goLiveWithOpenFacets();
        Manifest memory m = PageBuilder.build(thiefRoute(), 1);
        // PUSH2 length, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN: ten bytes, then the page
        address page = create(abi.encodePacked(hex"61", uint16(m.pages[0].length), hex"80600a5f395ff3", m.pages[0]));
        ClaimableFacet(address(dispatcher)).claim(page);
    }

    function test_facetOwner_isRefused() public {
        claimForAPage();
        assertUnrouted(selectorOf(0));
        assertNotRobbed();
    }

    function test_facetOwner_succeedsWhenTheStoreBeginsAtSlotZero() public {
        weaken("SlotZero");
        claimForAPage();
        route(abi.encodePacked(selectorOf(0)));
        assertRobbed();
    }
}
